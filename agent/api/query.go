package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"alcove.dev/agent/failure"
)

// query holds the parameters of a call; asking for one that is malformed is remembered in err.
type query struct {
	values url.Values
	err    error
}

// queryOf refuses parameters that the call does not know, and ones that come twice.
func queryOf(request *http.Request, known ...string) (*query, error) {
	if request.URL.RawQuery == "" {
		return &query{}, nil
	}
	values, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil {
		return nil, failure.New(failure.InvalidRequest, "The query %q cannot be read.", request.URL.RawQuery)
	}
	for name, given := range values {
		if !slices.Contains(known, name) || len(given) != 1 {
			return nil, failure.New(failure.InvalidRequest, "The query parameter %q is unknown here, or given twice.", name)
		}
	}
	return &query{values: values}, nil
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) flag(name string, otherwise bool) bool {
	switch q.values.Get(name) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	}
	q.refuse(name, "true or false")
	return otherwise
}

func (q *query) number(name string, otherwise int64) int64 {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 {
		q.refuse(name, "a whole number, 0 or more")
	}
	return number
}

func (q *query) refuse(name, expected string) {
	q.err = failure.New(failure.InvalidRequest, "The query parameter %s must be %s, not %q.", name, expected, q.values.Get(name))
}
