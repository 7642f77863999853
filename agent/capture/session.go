package capture

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"alcove.dev/agent/channel"
)

// session is one connection to the daemon.
type session struct {
	client *channel.Client
	// isAlone: the daemon said that no gateway is behind it. It is not asked again.
	isAlone atomic.Bool
}

// sessions holds the one there is.
type sessions struct {
	mutex   sync.Mutex
	current *session
	changed chan struct{} // closed when there is another
}

func (s *sessions) use(client *channel.Client) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.current = &session{client: client}
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait answers the session there is, or the next one: right after a resume programs are faster than the daemon.
func (s *sessions) wait(ctx context.Context) (*session, error) {
	for {
		current, changed := s.look()
		if current != nil {
			return current, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

func (s *sessions) look() (*session, <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.current != nil {
		select {
		case <-s.current.client.Closed():
			s.current = nil
		default:
		}
	}
	return s.current, s.changed
}

// do makes a call; the answer is nil where the daemon has no gateway.
func (s *session) do(request *http.Request) (*http.Response, error) {
	if s.isAlone.Load() {
		return nil, nil
	}
	request.Header["User-Agent"] = nil // Go's own is of no interest
	response, err := s.client.Do(request)
	if err == nil && response.StatusCode == http.StatusNotFound {
		s.isAlone.Store(true)
		response.Body.Close()
		return nil, nil
	}
	return response, err
}
