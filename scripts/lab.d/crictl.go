// A small crictl for the lab's hosts: Debian carries none. It speaks the real CRI to containerd, so `stopp` lets the CNI
// plugins clean up behind a pod just as the genuine one does. It has what kubeadm calls (info, pods, stopp, rmp, pull,
// inspecti) and what people type, with the genuine flags; unknown flags are errors, never ignored.
//
// It is built inside the Kubernetes source tree (kubernetes.sh), which vendors all it imports.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
	"sigs.k8s.io/yaml"
)

const usage = `crictl (slipway's lab): [-r ENDPOINT] [-t SECONDS|DURATION] COMMAND
  version | info
  pods [-q] [--name N] [--namespace N] [--state S]      ps [-a] [-q] [--name N] [-p POD] [--state S]
  stopp POD...   rmp [-f] [-a] [POD...]                 stop ID...   rm [-f] [-a] [ID...]   inspect ID   logs ID
  images [-q]    pull IMAGE   inspecti IMAGE...   rmi IMAGE...
`

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// must reports an error the way crictl does, for kubeadm prints it.
func must(err error, doing string) {
	if err != nil {
		fail(`level=fatal msg="%s: %v"`, doing, err)
	}
}

func print(value interface{}) {
	text, err := json.MarshalIndent(value, "", "  ")
	must(err, "encode")
	fmt.Println(string(text))
}

// client is a connection with the flags that the listing and removing commands have.
type client struct {
	ctx                         context.Context
	runtime                     cri.RuntimeServiceClient
	image                       cri.ImageServiceClient
	quiet, all, force           bool
	name, namespace, state, pod string
}

func main() {
	global := flag.NewFlagSet("crictl", flag.ExitOnError)
	global.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	endpoint, timeout := configured()
	for _, name := range []string{"r", "runtime-endpoint", "i", "image-endpoint"} {
		global.StringVar(&endpoint, name, endpoint, "")
	}
	for _, name := range []string{"t", "timeout"} {
		global.StringVar(&timeout, name, timeout, "")
	}
	must(global.Parse(os.Args[1:]), "flags")
	if global.NArg() == 0 || global.Arg(0) == "help" {
		fmt.Print(usage)
		return
	}

	var c client
	command := global.Arg(0)
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	for flagName, value := range map[string]*bool{"q": &c.quiet, "quiet": &c.quiet, "a": &c.all, "all": &c.all, "f": &c.force, "force": &c.force} {
		flags.BoolVar(value, flagName, false, "")
	}
	for flagName, value := range map[string]*string{"name": &c.name, "namespace": &c.namespace, "state": &c.state, "s": &c.state, "p": &c.pod, "pod": &c.pod} {
		flags.StringVar(value, flagName, "", "")
	}
	must(flags.Parse(global.Args()[1:]), "flags")

	limit, err := time.ParseDuration(timeout)
	if err != nil { // a bare number of seconds, as the genuine one also takes
		limit, err = time.ParseDuration(timeout + "s")
		must(err, "timeout")
	}
	if command == "pull" { // as the genuine one: a download may take as long as it takes
		limit = time.Hour
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dialled, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	conn, err := grpc.DialContext(dialled, "unix:"+strings.TrimPrefix(endpoint, "unix://"), grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	must(err, "connect endpoint '"+endpoint+"', make sure you are running as root and the endpoint has been started")
	c.ctx, c.runtime, c.image = ctx, cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)
	c.run(command, flags.Args())
}

// configured: endpoint and timeout of /etc/crictl.yaml and of the environment, or else containerd's own.
func configured() (string, string) {
	file := struct {
		Endpoint string      `json:"runtime-endpoint"`
		Timeout  interface{} `json:"timeout"`
	}{"unix:///run/containerd/containerd.sock", "2s"}
	if text, err := os.ReadFile("/etc/crictl.yaml"); err == nil {
		must(yaml.Unmarshal(text, &file), "/etc/crictl.yaml")
	}
	if value := os.Getenv("CONTAINER_RUNTIME_ENDPOINT"); value != "" {
		file.Endpoint = value
	}
	timeout := fmt.Sprint(file.Timeout)
	if timeout == "0" {
		timeout = "2s"
	}
	return file.Endpoint, timeout
}

func (c *client) run(command string, args []string) {
	switch command {
	case "version":
		v, err := c.runtime.Version(c.ctx, &cri.VersionRequest{})
		must(err, "version")
		fmt.Printf("Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n", v.Version, v.RuntimeName, v.RuntimeVersion, v.RuntimeApiVersion)
	case "info":
		s, err := c.runtime.Status(c.ctx, &cri.StatusRequest{Verbose: true})
		must(err, "getting status of runtime")
		info := map[string]interface{}{"status": s.Status}
		for key, text := range s.Info {
			var value interface{} = text
			_ = json.Unmarshal([]byte(text), &value) // most of them are JSON; the others stay text
			info[key] = value
		}
		print(info)
	case "pods":
		fmt.Print(header(c.quiet, "POD ID              STATE               NAME                                     NAMESPACE\n"))
		for _, p := range c.pods() {
			if c.quiet {
				fmt.Println(p.Id)
			} else {
				fmt.Printf("%-19.13s %-19s %-40s %s\n", p.Id, strings.TrimPrefix(p.State.String(), "SANDBOX_"), p.Metadata.Name, p.Metadata.Namespace)
			}
		}
	case "ps":
		fmt.Print(header(c.quiet, "CONTAINER           STATE               NAME                                     POD ID\n"))
		for _, x := range c.containers() {
			if c.quiet {
				fmt.Println(x.Id)
			} else {
				fmt.Printf("%-19.13s %-19s %-40s %.13s\n", x.Id, strings.TrimPrefix(x.State.String(), "CONTAINER_"), x.Metadata.Name, x.PodSandboxId)
			}
		}
	case "stopp":
		for _, id := range required(args) {
			c.stopPod(id)
			fmt.Println("Stopped sandbox", id)
		}
	case "rmp":
		if c.all {
			for _, p := range c.pods() {
				args = append(args, p.Id)
			}
		} else {
			required(args)
		}
		for _, id := range args {
			if c.force {
				c.stopPod(id)
			}
			_, err := c.runtime.RemovePodSandbox(c.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
			must(err, "removing the pod sandbox "+id)
			fmt.Println("Removed sandbox", id)
		}
	case "stop":
		for _, id := range required(args) {
			c.stopContainer(id)
			fmt.Println(id)
		}
	case "rm":
		if c.all {
			for _, x := range c.containers() {
				args = append(args, x.Id)
			}
		} else {
			required(args)
		}
		for _, id := range args {
			if c.force {
				c.stopContainer(id)
			}
			_, err := c.runtime.RemoveContainer(c.ctx, &cri.RemoveContainerRequest{ContainerId: id})
			must(err, "removing the container "+id)
			fmt.Println(id)
		}
	case "inspect":
		for _, id := range required(args) {
			print(c.container(id))
		}
	case "logs":
		for _, id := range required(args) {
			log, err := os.Open(c.container(id).LogPath)
			must(err, "logs")
			_, _ = io.Copy(os.Stdout, log)
		}
	case "images":
		list, err := c.image.ListImages(c.ctx, &cri.ListImagesRequest{})
		must(err, "listing images")
		fmt.Print(header(c.quiet, "IMAGE ID            SIZE                IMAGE\n"))
		for _, image := range list.Images {
			if c.quiet {
				fmt.Println(image.Id)
			} else {
				fmt.Printf("%-19.13s %-19s %s\n", strings.TrimPrefix(image.Id, "sha256:"), fmt.Sprintf("%.1fMB", float64(image.Size_)/1e6), strings.Join(image.RepoTags, " "))
			}
		}
	case "pull":
		for _, name := range required(args) {
			pulled, err := c.image.PullImage(c.ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
			must(err, "pulling image")
			fmt.Println("Image is up to date for", pulled.ImageRef)
		}
	case "inspecti":
		for _, name := range required(args) {
			print(map[string]interface{}{"status": c.imageStatus(name)})
		}
	case "rmi":
		for _, name := range required(args) {
			c.imageStatus(name)
			_, err := c.image.RemoveImage(c.ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: name}})
			must(err, "removing the image")
			fmt.Println("Deleted:", name)
		}
	default:
		fmt.Fprint(os.Stderr, usage)
		fail(`level=fatal msg="no command %q"`, command)
	}
}

func header(quiet bool, text string) string {
	if quiet {
		return ""
	}
	return text
}

func required(args []string) []string {
	if len(args) == 0 {
		fail(`level=fatal msg="ID cannot be empty"`)
	}
	return args
}

func (c *client) pods() (found []*cri.PodSandbox) {
	list, err := c.runtime.ListPodSandbox(c.ctx, &cri.ListPodSandboxRequest{})
	must(err, "listing pod sandboxes")
	for _, p := range list.Items {
		if strings.Contains(p.Metadata.Name, c.name) && (c.namespace == "" || p.Metadata.Namespace == c.namespace) &&
			(c.state == "" || strings.EqualFold("SANDBOX_"+c.state, p.State.String())) {
			found = append(found, p)
		}
	}
	return found
}

func (c *client) containers() (found []*cri.Container) {
	list, err := c.runtime.ListContainers(c.ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{PodSandboxId: c.pod}})
	must(err, "listing containers")
	for _, x := range list.Containers {
		wanted := c.all || x.State == cri.ContainerState_CONTAINER_RUNNING
		if c.state != "" {
			wanted = strings.EqualFold("CONTAINER_"+c.state, x.State.String())
		}
		if wanted && strings.Contains(x.Metadata.Name, c.name) {
			found = append(found, x)
		}
	}
	return found
}

func (c *client) container(id string) *cri.ContainerStatus {
	found, err := c.runtime.ContainerStatus(c.ctx, &cri.ContainerStatusRequest{ContainerId: id})
	must(err, "getting the status of the container "+id)
	return found.Status
}

// imageStatus: CRI answers for an unknown image with nothing and no error; kubeadm wants a failure then.
func (c *client) imageStatus(name string) *cri.Image {
	found, err := c.image.ImageStatus(c.ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
	must(err, "image status")
	if found.Image == nil {
		fail(`level=fatal msg="no such image %q present"`, name)
	}
	return found.Image
}

func (c *client) stopPod(id string) {
	_, err := c.runtime.StopPodSandbox(c.ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	must(err, "stopping the pod sandbox "+id)
}

func (c *client) stopContainer(id string) {
	_, err := c.runtime.StopContainer(c.ctx, &cri.StopContainerRequest{ContainerId: id})
	must(err, "stopping the container "+id)
}
