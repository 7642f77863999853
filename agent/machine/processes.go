package machine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
)

const (
	listedProcesses   = 4096
	commandBytes      = 1024
	userInitInside    = 1 // its number in its namespace
	processTableNames = 65536
)

// Processes lists the users' processes, numbered as the users see them.
func (m *Machine) Processes() ([]api.Process, error) {
	if err := m.Prepared(); err != nil {
		return nil, err
	}
	users, err := m.users.usersProc()
	if err != nil {
		return nil, err
	}
	pids, err := pidsIn(users)
	if err != nil {
		return nil, err
	}
	owners := m.execOwners()
	list := make([]api.Process, 0, len(pids))
	for _, pid := range pids[:min(len(pids), listedProcesses)] {
		// A process may have ended since the table was read.
		if process, err := m.describe(users, pid); err == nil {
			process.ExecID = owners[pid]
			list = append(list, process)
		}
	}
	return list, nil
}

func (m *Machine) countProcesses() (int, error) {
	users, err := m.users.usersProc()
	if err != nil {
		return 0, err
	}
	pids, err := pidsIn(users)
	return len(pids), err
}

// pidsIn lists the numbers in a /proc, but for the namespace's init.
func pidsIn(users proc) ([]int, error) {
	directory, err := users.open(".")
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	names, err := directory.Readdirnames(processTableNames)
	if err != nil {
		return nil, fmt.Errorf("list /proc: %w", err)
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != userInitInside {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// execOwners tells which exec each process belongs to.
func (m *Machine) execOwners() map[int]string {
	owners := map[int]string{}
	for _, exec := range m.Execs.All() {
		for _, pid := range exec.Processes() {
			owners[m.numberInside(pid)] = exec.ID
		}
	}
	return owners
}

// numberInside translates a number of the agent's PID namespace into one of the users'.
func (m *Machine) numberInside(pid int) int {
	content, err := m.proc.read(strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	return lastNumber(string(content), "NSpid:")
}

// lastNumber reads the last number of the line that begins with name, 0 where there is none.
func lastNumber(content, name string) int {
	_, line, _ := strings.Cut(content, name)
	line, _, _ = strings.Cut(line, "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	number, _ := strconv.Atoi(fields[len(fields)-1])
	return number
}

func (m *Machine) describe(users proc, pid int) (api.Process, error) {
	directory := strconv.Itoa(pid)
	content, err := users.read(directory + "/stat")
	if err != nil {
		return api.Process{}, err
	}
	stat, err := parseStat(string(content))
	if err != nil {
		return api.Process{}, err
	}
	var owner unix.Stat_t
	if err := unix.Fstatat(int(users), directory, &owner, 0); err != nil {
		return api.Process{}, err
	}
	command, _ := users.read(directory + "/cmdline")
	return api.Process{
		PID: pid, ParentPID: stat.parentPID, User: m.Book.NameOf(owner.Uid), State: stat.state,
		Command:         commandOf(command, stat.name),
		StartedAtUnixMs: m.boots.wallTime(stat.startedAfterBoot).UnixMilli(),
		CPUUsec:         stat.cpuTicks * usecPerTick, ResidentBytes: stat.residentPages * int64(os.Getpagesize()),
	}, nil
}

func commandOf(commandLine []byte, name string) string {
	command := string(bytes.TrimRight(bytes.ReplaceAll(commandLine, []byte{0}, []byte{' '}), " "))
	if command == "" {
		command = "[" + name + "]"
	}
	return strings.ToValidUTF8(command[:min(len(command), commandBytes)], "�")
}

type processStat struct {
	name             string
	state            string
	parentPID        int
	cpuTicks         int64
	startedAfterBoot time.Duration
	residentPages    int64
}

// parseStat reads /proc/PID/stat (proc(5)); the name in parentheses may hold anything.
func parseStat(content string) (processStat, error) {
	open, end := strings.IndexByte(content, '('), strings.LastIndexByte(content, ')')
	if open < 0 || end < open {
		return processStat{}, fmt.Errorf("/proc/PID/stat is %.80q", content)
	}
	fields := strings.Fields(content[end+1:])
	const state, parent, userTicks, systemTicks, started, resident = 0, 1, 11, 12, 19, 21
	if len(fields) <= resident {
		return processStat{}, fmt.Errorf("/proc/PID/stat has %d fields", len(fields))
	}
	number := func(index int) int64 {
		value, _ := strconv.ParseInt(fields[index], 10, 64)
		return value
	}
	return processStat{
		name: content[open+1 : end], state: fields[state], parentPID: int(number(parent)),
		cpuTicks:         number(userTicks) + number(systemTicks),
		startedAfterBoot: time.Duration(number(started)) * usecPerTick * time.Microsecond,
		residentPages:    number(resident),
	}, nil
}
