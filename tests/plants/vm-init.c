/* The first process of the VM's initial root: loads what the kernel needs to see its disk, and hands over to what is on it.
 * /modules has the names of the module files, a line each, in the order to load them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void give_up(const char *what) {
    perror(what);
    reboot(RB_POWER_OFF);
}

int main(void) {
    char line[256];
    FILE *modules = fopen("/modules", "r");
    if (!modules) give_up("/modules");
    while (fgets(line, sizeof line, modules)) {
        line[strcspn(line, "\n")] = 0;
        int module = open(line, O_RDONLY | O_CLOEXEC);
        if (module < 0 || syscall(SYS_finit_module, module, "", 0)) give_up(line);
        close(module);
    }
    fclose(modules);
    mkdir("/dev", 0755);
    mkdir("/root", 0755);
    if (mount("dev", "/dev", "devtmpfs", 0, NULL)) give_up("/dev");
    /* The driver may need a moment to find the disk. */
    int tries = 100;
    while (access("/dev/vda", F_OK) && tries--) usleep(50000);
    if (mount("/dev/vda", "/root", "ext4", 0, NULL)) give_up("/dev/vda");
    if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL)) give_up("/root/dev");
    if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/")) give_up("/root");
    execl("/sbin/init", "/sbin/init", NULL);
    give_up("/sbin/init");
}
