package capture

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"

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

var errAlone = errors.New("the daemon has no gateway")

// call makes a call on the session there is. Where that is lost before it answered, as after a resume, the call is made again on the
// next; so it brings nothing along that may not be sent twice.
func (s *sessions) call(ctx context.Context, request func() *http.Request) (*http.Response, error) {
	for {
		current, err := s.wait(ctx)
		if err != nil {
			return nil, err
		}
		response, err := current.do(request())
		if err == nil || !current.isLost(ctx, err) {
			return response, err
		}
	}
}

func (s *session) do(request *http.Request) (*http.Response, error) {
	if s.isAlone.Load() {
		return nil, errAlone
	}
	request.Header["User-Agent"] = nil // Go's own is of no interest
	response, err := s.client.Do(request)
	if err == nil && response.StatusCode == http.StatusNotFound {
		s.isAlone.Store(true)
		response.Body.Close()
		return nil, errAlone
	}
	return response, err
}

// isLost tells what befell the session from what befell the call. A session that cannot be written to is lost soon.
func (s *session) isLost(ctx context.Context, err error) bool {
	var ofStream http2.StreamError
	if err == errAlone || errors.As(err, &ofStream) {
		return false
	}
	select {
	case <-s.client.Closed():
		return true
	case <-ctx.Done():
		return false
	}
}
