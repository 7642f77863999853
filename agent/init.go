package main

import (
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/machine"
)

// memoryLimitBytes makes the collector work harder before the agent takes much of a small sandbox.
const memoryLimitBytes = 64 << 20

// runAsInit never returns but to end the machine: without its agent a sandbox is of no use.
func runAsInit() error {
	if err := settleRuntime(); err != nil {
		return err
	}
	log.SetFlags(0)
	log.SetPrefix("agent: ")
	if err := ignoreChildren(); err != nil {
		return err
	}
	debug.SetMemoryLimit(memoryLimitBytes)
	err := serveMachine()
	log.Printf("the sandbox ends: %v", err)
	time.Sleep(100 * time.Millisecond)
	unix.Sync()
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// settleRuntime runs the program again with settings that the Go runtime reads only once, at its start. No goroutine here computes for
// long, so none has to be interrupted by signals, each of which costs a good deal in an emulated machine.
func settleRuntime() error {
	const name, value = "GODEBUG", "asyncpreemptoff=1"
	if os.Getenv(name) == value {
		return nil
	}
	os.Setenv(name, value)
	return os.NewSyscallError("execve", unix.Exec("/init", os.Args, os.Environ()))
}

// ignoreChildren keeps the kernel from interrupting the runtime for a signal that nobody waits for: the ends of processes show at
// their descriptors. The runtime has a handler for each signal; the kernel's default is to drop this one.
func ignoreChildren() error {
	var byDefault [4]uintptr // struct sigaction
	const maskBytes = 8
	_, _, number := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&byDefault)), 0, maskBytes, 0, 0)
	if number != 0 {
		return os.NewSyscallError("rt_sigaction", number)
	}
	return nil
}

func serveMachine() error {
	if err := machine.BootKernel(); err != nil {
		return err
	}
	if err := machine.CalmMonitor(); err != nil {
		log.Printf("the runtime's monitor stays as it is: %v", err)
	}
	agent, err := openPort("agent")
	if err != nil {
		return err
	}
	host, err := openPort("host")
	if err != nil {
		return err
	}
	sandbox, err := machine.New()
	if err != nil {
		return err
	}
	server := &api.Server{Machine: sandbox, Execs: sandbox.Execs, Book: sandbox.Book}
	return serveChannel(lines{agent: agent, host: host}, sandbox.Identity, server, sandbox.UseHost)
}

// portDeadline is how long the kernel may take to find its devices.
const portDeadline = 10 * time.Second

// openPort opens a port of the channel. The kernel finds its devices while the agent starts, so it looks more than once.
func openPort(name string) (*channel.Port, error) {
	deadline := time.Now().Add(portDeadline)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		device, err := channel.FindPort("/sys", "/dev", name)
		if err == nil {
			if err = os.Chmod(device, 0o600); err == nil {
				return channel.OpenPort(device)
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("wait for the channel: %w", err)
		}
		time.Sleep(pause)
	}
}
