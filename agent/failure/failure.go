// Package failure is the list of everything the agent can answer besides success.
//
// To add an error: 1. a code in the table below with its status; 2. the same code in PROTOCOL.md.
package failure

import (
	"errors"
	"fmt"
	"net/http"
)

// Code names a kind of failure; the daemon decides by it, people read the message.
type Code string

const (
	InvalidRequest    Code = "InvalidRequest"
	FileNotFound      Code = "FileNotFound"
	ExecNotFound      Code = "ExecNotFound"
	FileExists        Code = "FileExists"
	ExecExists        Code = "ExecExists"
	ExecEnded         Code = "ExecEnded"
	StdinClosed       Code = "StdinClosed"
	NotPrepared       Code = "NotPrepared"
	NotADirectory     Code = "NotADirectory"
	IsADirectory      Code = "IsADirectory"
	DirectoryNotEmpty Code = "DirectoryNotEmpty"
	NotARegularFile   Code = "NotARegularFile"
	FileTooLarge      Code = "FileTooLarge"
	PermissionDenied  Code = "PermissionDenied"
	UserNotFound      Code = "UserNotFound"
	TooManyRequests   Code = "TooManyRequests"
	VolumeBusy        Code = "VolumeBusy"
	DiskFull          Code = "DiskFull"
	PortRefused       Code = "PortRefused"
	PortTimedOut      Code = "PortTimedOut"
	InternalError     Code = "InternalError"
)

var statuses = map[Code]int{
	InvalidRequest:    http.StatusBadRequest,
	FileNotFound:      http.StatusNotFound,
	ExecNotFound:      http.StatusNotFound,
	FileExists:        http.StatusConflict,
	ExecExists:        http.StatusConflict,
	ExecEnded:         http.StatusConflict,
	StdinClosed:       http.StatusConflict,
	NotPrepared:       http.StatusConflict,
	NotADirectory:     http.StatusConflict,
	IsADirectory:      http.StatusConflict,
	DirectoryNotEmpty: http.StatusConflict,
	NotARegularFile:   http.StatusConflict,
	FileTooLarge:      http.StatusRequestEntityTooLarge,
	PermissionDenied:  http.StatusForbidden,
	UserNotFound:      http.StatusBadRequest,
	TooManyRequests:   http.StatusTooManyRequests,
	VolumeBusy:        http.StatusConflict,
	DiskFull:          http.StatusInsufficientStorage,
	PortRefused:       http.StatusBadGateway,
	PortTimedOut:      http.StatusGatewayTimeout,
	InternalError:     http.StatusInternalServerError,
}

// Error is a failure on its way to the daemon.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Status is the HTTP status of the failure.
func (e *Error) Status() int { return statuses[e.Code] }

// New makes a failure whose message is a sentence.
func New(code Code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// From turns any error into a failure; one that carries no code is an InternalError.
func From(err error) *Error {
	var failed *Error
	if errors.As(err, &failed) {
		return failed
	}
	return New(InternalError, "%v", err)
}
