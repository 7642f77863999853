package execs

import (
	"os"
	"syscall"
	"time"

	"alcove.dev/agent/accounts"
	"alcove.dev/agent/cgroups"
	"alcove.dev/agent/failure"
	"alcove.dev/agent/spawn"
)

// Sandbox is what a command runs in.
type Sandbox struct {
	Book *accounts.Book
	// Cgroups is nil in development.
	Cgroups *cgroups.Tree
	// Namespace is the users' PID namespace, below 0 in development.
	Namespace func() (int, error)
}

// launch is an exec on its way to its first instruction.
type launch struct {
	exec    *Exec
	sandbox *Sandbox
	command spawn.Command
	name    string
	// notFound is why there is no program to start.
	notFound error
	pipes    pipes
}

// prepare does everything that can refuse the call. Of the variables given, later ones win.
func (s *Sandbox) prepare(spec *Spec, given []map[string]string) (*launch, error) {
	user, err := s.Book.Find(spec.User)
	if err != nil {
		return nil, err
	}
	variables, searchPath := environment(user, given)
	directory, err := workingDirectory(spec.WorkingDirectory, user.Home)
	if err != nil {
		return nil, err
	}
	started := &launch{sandbox: s, name: spec.Argv[0]}
	started.command = spawn.Command{
		Terminal: spec.Terminal != nil,
		Argv:     spec.Argv, Environment: variables, WorkingDirectory: directory,
		UserID: user.UserID, GroupID: user.GroupID, Groups: user.Groups, Cgroup: -1,
	}
	started.command.Path, started.notFound = findProgram(spec.Argv[0], searchPath)
	if started.command.Namespace, err = s.Namespace(); err != nil {
		return nil, err
	}
	return started, nil
}

// workingDirectory is what was asked for, else the user's home, else the root.
func workingDirectory(asked, home string) (string, error) {
	if asked == "" {
		if info, err := os.Stat(home); home != "" && err == nil && info.IsDir() {
			return home, nil
		}
		return "/", nil
	}
	if info, err := os.Stat(asked); err != nil || !info.IsDir() {
		return "", failure.New(failure.InvalidRequest, "The working directory %q is not a directory of the sandbox.", asked)
	}
	return asked, nil
}

// connect makes what the process reads and writes.
func (l *launch) connect(spec *Spec) error {
	if spec.Terminal != nil {
		return l.pipes.openTerminal(*spec.Terminal, l.command.UserID)
	}
	return l.pipes.open(spec.Stdin)
}

// run starts the process; a program that cannot run ends the exec as a shell would have it.
func (l *launch) run(spec *Spec) error {
	e := l.exec
	if l.sandbox.Cgroups != nil {
		group, err := l.sandbox.Cgroups.Take()
		if err != nil {
			l.pipes.closeAll()
			return failure.FromSystem(err, "prepare exec "+e.ID)
		}
		e.group, l.command.Cgroup = group, group.Descriptor()
	}
	l.command.Descriptors = l.pipes.inner()
	process, err := l.spawn()
	l.pipes.closeInner()
	if err != nil {
		l.abandon(err)
		return nil
	}
	e.mutex.Lock()
	e.process, e.pid = process, process.Inside
	e.mutex.Unlock()
	go l.follow()
	if spec.TimeoutMs > 0 {
		timer := time.AfterFunc(time.Duration(spec.TimeoutMs)*time.Millisecond, e.timeOut)
		go func() { <-e.finished; timer.Stop() }()
	}
	return nil
}

// spawn starts the program; a script without an interpreter line is given to sh, as a shell would.
func (l *launch) spawn() (spawn.Process, error) {
	if l.notFound != nil {
		return spawn.Process{}, l.notFound
	}
	process, err := spawn.Start(&l.command)
	if err == syscall.ENOEXEC {
		l.command.Argv = append([]string{"sh", l.command.Path}, l.command.Argv[1:]...)
		l.command.Path = "/bin/sh"
		process, err = spawn.Start(&l.command)
	}
	return process, err
}

// abandon ends an exec whose program did not start.
func (l *launch) abandon(err error) {
	exitCode, sentence := startFailure(l.name, err)
	l.exec.journal.Append(KindStderr, []byte(sentence))
	l.exec.stdin.close()
	l.pipes.closeAll()
	l.finish(func(e *Exec) { e.exitCode = exitCode })
}
