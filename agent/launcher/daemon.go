package launcher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// daemon speaks to alcoved over its UNIX socket, of one group.
type daemon struct {
	client *http.Client
	group  string // its URL
}

const (
	groups         = "http://alcove/v1/groups/"
	maxAnswerBytes = 16 << 20
	idLength       = 36
)

// findDaemon fails when no socket is there; whether somebody answers shows with the first request.
func findDaemon(s settings) (*daemon, error) {
	if _, err := os.Stat(s.socket); err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}
	return &daemon{client: &http.Client{Transport: &http.Transport{DialContext: dial}}, group: groups + s.group}, nil
}

func runtimeDirectory() string {
	if directory := os.Getenv("ALCOVE_RUNTIME_DIR"); directory != "" {
		return directory
	}
	if os.Getuid() == 0 {
		return "/run/alcove"
	}
	if directory := os.Getenv("XDG_RUNTIME_DIR"); directory != "" {
		return filepath.Join(directory, "alcove")
	}
	return fmt.Sprintf("/tmp/alcove-%d", os.Getuid())
}

// call sends a request and reads a JSON answer of the expected status; any other answer is an error.
func (d *daemon) call(ctx context.Context, method, path string, body any, status int, result any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, d.group+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return err
	}
	if response.StatusCode != status {
		return fmt.Errorf("the daemon answered %s %s with %s", method, path, response.Status)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer, result)
}

// resolve finds the one sandbox whose id begins with the text.
func (d *daemon) resolve(ctx context.Context, text string) (string, error) {
	if len(text) == idLength {
		return text, nil
	}
	var sandboxes []struct{ ID string }
	if err := d.call(ctx, http.MethodGet, "/sandboxes?pageSize=1000", nil, http.StatusOK, &sandboxes); err != nil {
		return "", err
	}
	var found []string
	for _, sandbox := range sandboxes {
		if strings.HasPrefix(sandbox.ID, text) {
			found = append(found, sandbox.ID)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d sandboxes begin with %q", len(found), text)
	}
	return found[0], nil
}

func (d *daemon) imageIsReady(ctx context.Context, name string) bool {
	var image struct{ State string }
	err := d.call(ctx, http.MethodGet, "/diskimages/"+url.PathEscape(name), nil, http.StatusOK, &image)
	return err == nil && image.State == "Ready"
}
