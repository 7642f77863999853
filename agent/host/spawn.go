package host

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// spawnPlan is what "host spawn" was asked for.
type spawnPlan struct {
	userID, groupID int
	groups          numbers
	newNetwork      bool
	newMounts       bool
	newUser         bool
	binds           names
	cgroups         names
	oomScoreAdjust  int
	nice            int
	openFiles       uint64
	keep            numbers
	directory       string
	environment     names
	command         []string
}

type numbers []int

func (n *numbers) String() string { return fmt.Sprint(*n) }

func (n *numbers) Set(value string) error {
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 {
		return fmt.Errorf("%q is not a number, 0 or more", value)
	}
	*n = append(*n, number)
	return nil
}

const unset = -1

// Spawn runs "host spawn": it fences this process in and becomes the program. No process stays in between, so whoever
// started this one is the program's parent and knows its number.
//
// What needs the rights of the beginning comes first (cgroups, priorities, limits), then namespaces and mounts, then the rights
// are given up, then the program starts.
func Spawn(arguments []string) error {
	plan, err := parseSpawn(arguments)
	if err != nil {
		return err
	}
	if plan.newUser {
		return reenterInUserNamespace(arguments)
	}
	// Namespaces and rights belong to a thread; the one that execs is the one that stays.
	runtime.LockOSThread()
	steps := []func() error{plan.joinCgroups, plan.setPriorities, plan.startSession, plan.leaveNamespaces, plan.hideFiles, plan.sealDescriptors, plan.dropRights}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return plan.become()
}

func parseSpawn(arguments []string) (*spawnPlan, error) {
	plan := &spawnPlan{}
	flags := flag.NewFlagSet("spawn", flag.ContinueOnError)
	flags.IntVar(&plan.userID, "uid", unset, "user to become")
	flags.IntVar(&plan.groupID, "gid", unset, "group to become")
	flags.Var(&plan.groups, "group", "supplementary group, such as kvm's; repeatable")
	flags.BoolVar(&plan.newNetwork, "netns", false, "a network namespace with nothing in it")
	flags.BoolVar(&plan.newMounts, "mountns", false, "a mount namespace of its own")
	flags.BoolVar(&plan.newUser, "userns", false, "do the above as an ordinary user, in a user namespace (through unshare(1))")
	flags.Var(&plan.binds, "bind", "PATH or PATH:ro: with --mountns, the program sees these paths and no others; repeatable")
	flags.Var(&plan.cgroups, "cgroup", "cgroup directory to join; repeatable")
	flags.IntVar(&plan.oomScoreAdjust, "oom-score-adj", 0, "from -1000 to 1000")
	flags.IntVar(&plan.nice, "nice", 0, "CPU niceness")
	flags.Uint64Var(&plan.openFiles, "nofile", 0, "limit of open files")
	flags.Var(&plan.keep, "keep-fd", "descriptor to pass on besides 0, 1 and 2; repeatable")
	flags.StringVar(&plan.directory, "chdir", "/", "working directory")
	flags.Var(&plan.environment, "env", "NAME=VALUE; repeatable; nothing else is passed on but PATH")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	plan.command = flags.Args()
	return plan, plan.check()
}

func (p *spawnPlan) check() error {
	switch {
	case len(p.command) == 0:
		return errors.New("spawn needs a program after --")
	case len(p.binds) > 0 && !p.newMounts:
		return errors.New("--bind needs --mountns")
	case (p.userID == unset) != (p.groupID == unset):
		return errors.New("--uid and --gid go together")
	case p.newUser && p.userID != unset:
		return errors.New("--userns keeps the user: --uid and --gid do not go with it")
	}
	return nil
}

// reenterInUserNamespace becomes unshare(1), which becomes this program again. A user namespace can only be made by a process of
// one thread, which a Go program never is.
func reenterInUserNamespace(arguments []string) error {
	path, err := exec.LookPath("unshare")
	if err != nil {
		return fmt.Errorf("--userns: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := []string{"unshare", "--user", "--map-current-user", "--keep-caps", "--", self, "host", "spawn"}
	for index, argument := range arguments {
		if argument == "--" {
			command = append(command, arguments[index:]...)
			break
		}
		if argument != "--userns" && argument != "-userns" {
			command = append(command, argument)
		}
	}
	return fmt.Errorf("exec %s: %w", path, unix.Exec(path, command, os.Environ()))
}

// become is the last step: this process is the program from here on.
func (p *spawnPlan) become() error {
	path, err := exec.LookPath(p.command[0])
	if err != nil {
		return err
	}
	if err := unix.Chdir(p.directory); err != nil {
		return fmt.Errorf("chdir to %s: %w", p.directory, err)
	}
	environment := append([]string{"PATH=" + os.Getenv("PATH")}, p.environment...)
	return fmt.Errorf("exec %s: %w", path, unix.Exec(path, p.command, environment))
}
