package launcher

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// runInNew creates a sandbox, runs the program in it, and deletes it again unless it is to be kept.
func runInNew(ctx context.Context, cli nodeCLI, d *daemon, c command) (int, error) {
	if !d.imageIsReady(ctx, c.target) {
		return 0, errHandOver
	}
	// From here to the end of the sandbox a signal must not end this process: it would leave the sandbox behind.
	interrupts := make(chan os.Signal, 4)
	signal.Notify(interrupts, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var sandbox struct{ ID string }
	if err := d.call(ctx, http.MethodPost, "/sandboxes", c.create, http.StatusCreated, &sandbox); err != nil {
		return 0, errHandOver // refused: nothing was created, and a repeat in Node says why
	}
	if c.keep {
		fmt.Fprintln(os.Stderr, "sandbox "+sandbox.ID)
	} else {
		defer d.call(ctx, http.MethodDelete, "/sandboxes/"+sandbox.ID, nil, http.StatusNoContent, nil)
	}
	select {
	case <-interrupts:
		return exitCtrlC, nil
	default:
	}
	code, err := follow(ctx, cli, d, sandbox.ID, c)
	if err == errHandOver {
		return exitFailed, fmt.Errorf("the program could not be started in sandbox %s", sandbox.ID)
	}
	return code, err
}
