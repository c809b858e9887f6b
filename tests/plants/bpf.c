/* Plants BPF programs under names of one's choosing, as an agent does that is gone: on links (tc, XDP), on a cgroup, and pinned maps.
 * The programs let everything pass.
 *   bpf tc LINK ingress|egress PROGRAM FILTER PRIO HANDLE     bpf xdp LINK PROGRAM
 *   bpf cgroup DIRECTORY PROGRAM                              bpf map PATH */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void need(long result, const char *what) {
    if (result >= 0) return;
    perror(what);
    exit(1);
}

static int bpf(int command, union bpf_attr *attr) { return syscall(SYS_bpf, command, attr, sizeof *attr); }

static int program(int type, int attach, const char *name, int result) {
    struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = type;
    attr.expected_attach_type = attach;
    attr.insns = (unsigned long)code;
    attr.insn_cnt = 2;
    attr.license = (unsigned long)"GPL";
    strncpy(attr.prog_name, name, BPF_OBJ_NAME_LEN - 1);
    int fd = bpf(BPF_PROG_LOAD, &attr);
    need(fd, "BPF_PROG_LOAD");
    return fd;
}

static struct {
    struct nlmsghdr header;
    union {
        struct tcmsg tc;
        struct ifinfomsg link;
    };
    char attributes[512];
} message;

static void begin(int type, int flags, size_t body) {
    memset(&message, 0, sizeof message);
    message.header.nlmsg_type = type;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    message.header.nlmsg_len = NLMSG_LENGTH(body);
}

static struct rtattr *attribute(int type, const void *data, size_t size) {
    struct rtattr *it = (struct rtattr *)((char *)&message + NLMSG_ALIGN(message.header.nlmsg_len));
    it->rta_type = type;
    it->rta_len = RTA_LENGTH(size);
    if (data) memcpy(RTA_DATA(it), data, size);
    message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) + RTA_ALIGN(it->rta_len);
    return it;
}

static void close_nest(struct rtattr *it) { it->rta_len = (char *)&message + message.header.nlmsg_len - (char *)it; }

static int ask(void) {
    char answer[4096];
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    need(s, "netlink");
    need(send(s, &message, message.header.nlmsg_len, 0), "netlink");
    need(recv(s, answer, sizeof answer, 0), "netlink");
    close(s);
    errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
    return errno ? -1 : 0;
}

static int on_link(const char *name) {
    int index = if_nametoindex(name);
    if (!index) need(-1, name);
    return index;
}

int main(int count, char **word) {
    union bpf_attr attr;
    if (count == 8 && !strcmp(word[1], "tc")) {
        int ingress = !strcmp(word[3], "ingress"), fd = program(BPF_PROG_TYPE_SCHED_CLS, 0, word[4], TC_ACT_UNSPEC);
        begin(RTM_NEWQDISC, NLM_F_CREATE, sizeof message.tc);
        message.tc.tcm_ifindex = on_link(word[2]);
        message.tc.tcm_parent = TC_H_CLSACT;
        message.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
        attribute(TCA_KIND, "clsact", 7);
        if (ask() && errno != EEXIST) need(-1, "clsact");
        begin(RTM_NEWTFILTER, NLM_F_CREATE, sizeof message.tc);
        message.tc.tcm_ifindex = on_link(word[2]);
        message.tc.tcm_parent = TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
        message.tc.tcm_handle = atoi(word[7]);
        message.tc.tcm_info = TC_H_MAKE(atoi(word[6]) << 16, __builtin_bswap16(3 /* ETH_P_ALL */));
        attribute(TCA_KIND, "bpf", 4);
        struct rtattr *options = attribute(TCA_OPTIONS, NULL, 0);
        int flags = TCA_BPF_FLAG_ACT_DIRECT;
        attribute(TCA_BPF_FD, &fd, sizeof fd);
        attribute(TCA_BPF_NAME, word[5], strlen(word[5]) + 1);
        attribute(TCA_BPF_FLAGS, &flags, sizeof flags);
        close_nest(options);
        need(ask(), "tc");
    } else if (count == 4 && !strcmp(word[1], "xdp")) {
        int fd = program(BPF_PROG_TYPE_XDP, 0, word[3], XDP_PASS), flags = XDP_FLAGS_SKB_MODE;
        begin(RTM_SETLINK, 0, sizeof message.link);
        message.link.ifi_index = on_link(word[2]);
        struct rtattr *xdp = attribute(IFLA_XDP | NLA_F_NESTED, NULL, 0);
        attribute(IFLA_XDP_FD, &fd, sizeof fd);
        attribute(IFLA_XDP_FLAGS, &flags, sizeof flags);
        close_nest(xdp);
        need(ask(), "xdp");
    } else if (count == 4 && !strcmp(word[1], "cgroup")) {
        int group = open(word[2], O_RDONLY | O_DIRECTORY);
        need(group, word[2]);
        int fd = program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, word[3], 1);
        memset(&attr, 0, sizeof attr);
        attr.target_fd = group;
        attr.attach_bpf_fd = fd;
        attr.attach_type = BPF_CGROUP_INET4_CONNECT;
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        need(bpf(BPF_PROG_ATTACH, &attr), "BPF_PROG_ATTACH");
    } else if (count == 3 && !strcmp(word[1], "map")) {
        memset(&attr, 0, sizeof attr);
        attr.map_type = BPF_MAP_TYPE_ARRAY;
        attr.key_size = attr.value_size = 4;
        attr.max_entries = 1;
        int fd = bpf(BPF_MAP_CREATE, &attr);
        need(fd, "BPF_MAP_CREATE");
        memset(&attr, 0, sizeof attr);
        attr.pathname = (unsigned long)word[2];
        attr.bpf_fd = fd;
        need(bpf(BPF_OBJ_PIN, &attr), "BPF_OBJ_PIN");
    } else {
        fputs("bpf: see its source\n", stderr);
        return 2;
    }
    return 0;
}
