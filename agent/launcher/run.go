package launcher

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// runInNew creates a sandbox, runs the program in it, and deletes it again unless it is to be kept.
func runInNew(ctx context.Context, cli nodeCLI, d *daemon, c command) (int, error) {
	if !d.imageIsReady(ctx, c.target) {
		return 0, errHandOver
	}
	creation := watchCreation(c.keep)
	var sandbox struct{ ID string }
	if err := d.call(ctx, http.MethodPost, "/sandboxes", c.create, http.StatusCreated, &sandbox); err != nil {
		if creation.isInterrupted() {
			return exitCtrlC, nil
		}
		return 0, errHandOver // refused: nothing was created, and a repeat in Node says why
	}
	if c.keep {
		fmt.Fprintln(os.Stderr, "sandbox "+sandbox.ID)
	} else {
		defer d.call(ctx, http.MethodDelete, "/sandboxes/"+sandbox.ID, nil, http.StatusNoContent, nil)
	}
	if creation.isInterrupted() {
		return exitCtrlC, nil
	}
	code, err := follow(ctx, cli, d, sandbox.ID, c)
	if err == errHandOver {
		return exitFailed, fmt.Errorf("the program could not be started in sandbox %s", sandbox.ID)
	}
	return code, err
}

// creation takes the signals while a sandbox is being created: one that ended this process would leave it behind.
type creation struct {
	interrupts atomic.Int32
	isOver     atomic.Bool
}

// watchCreation holds the signals to the end of this process; behind the creation they are the program's.
func watchCreation(keep bool) *creation {
	c := &creation{}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for range signals {
			if c.isOver.Load() {
				continue
			}
			if c.interrupts.Add(1) > 1 {
				os.Exit(exitCtrlC)
			}
			fmt.Fprintln(os.Stderr, saidAtInterrupt(keep))
		}
	}()
	return c
}

// isInterrupted ends the watch, and says whether there was a signal.
func (c *creation) isInterrupted() bool {
	c.isOver.Store(true)
	return c.interrupts.Load() > 0
}

func saidAtInterrupt(keep bool) string {
	if keep {
		return "The sandbox is created all the same; its id follows. Ctrl-C again leaves at once: `alcove list` shows what is there."
	}
	return "The sandbox is deleted as soon as it is there. Ctrl-C again leaves at once, and may leave it: see `alcove list`."
}
