package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"alcove.dev/agent/api"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/machine"
)

// startAgent runs the agent as in development and returns a client of it, as the daemon is one.
func startAgent(t *testing.T) *http2.ClientConn {
	t.Helper()
	directory := t.TempDir()
	agent, err := channel.ListenSocket(filepath.Join(directory, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := channel.ListenSocket(filepath.Join(directory, "host"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Close(); host.Close() })
	sandbox := machine.NewDevelopment(nil)
	server := &api.Server{Machine: sandbox, Execs: sandbox.Execs, Book: sandbox.Book}
	go serveChannel(lines{agent: agent, host: host}, sandbox.Identity, server, machine.WatchTime)
	conn, err := net.Dial("unix", filepath.Join(directory, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	hello := make([]byte, 48)
	copy(hello, "ALCOVE-HELLO-01\n")
	rand.Read(hello[16:32])
	conn.Write(hello)
	ready := make([]byte, 48)
	if _, err := io.ReadFull(conn, ready); err != nil || !bytes.Equal(ready[16:32], hello[16:32]) {
		t.Fatalf("answer to the hello: % x, %v", ready, err)
	}
	client, err := (&http2.Transport{AllowHTTP: true, DisableCompression: true}).NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func call(t *testing.T, client *http2.ClientConn, method, path, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequest(method, "http://agent"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func renewalWith(member string) string {
	entropy := strings.Repeat("A", 88)
	return `{"generation":1,"hostname":"a","machineId":"b","unixNanos":"1","entropy":"` + entropy + `",` + member + `}`
}

func TestWhatTheProtocolDoesNotKnowIsRefused(t *testing.T) {
	client := startAgent(t)
	for _, row := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/nothing", "", 400, "InvalidRequest"},
		{"POST", "/execs", `{"id":"00000000-0000-4000-8000-000000000000","argv":["true"],"colour":"blue"}`, 400, "InvalidRequest"},
		{"POST", "/execs", `{"id":"7","argv":["true"]}`, 400, "InvalidRequest"},
		{"POST", "/execs", `{"id":"00000000-0000-4000-8000-000000000000","argv":["true"],"user":"eve-is-nobody"}`, 400, "UserNotFound"},
		{"POST", "/thaw", `{} {}`, 400, "InvalidRequest"},
		{"POST", "/renew", `{"generation":1,"hostname":"a","machineId":"b","unixNanos":"1","entropy":"AAAA"}`, 400, "InvalidRequest"},
		{"POST", "/renew", renewalWith(`"certificates":"no certificate"`), 400, "InvalidRequest"},
		{"POST", "/renew", renewalWith(`"certificates":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"`), 400, "InvalidRequest"},
		{"GET", "/files/stat?path=/tmp&path=/etc", "", 400, "InvalidRequest"},
		{"GET", "/files/stat?path=tmp", "", 400, "InvalidRequest"},
		{"GET", "/files?path=/dev/zero", "", 409, "NotARegularFile"},
		{"GET", "/files?path=/no/such/file", "", 404, "FileNotFound"},
		{"GET", "/files?path=/etc/passwd&offset=x", "", 400, "InvalidRequest"},
		{"GET", "/execs/none", "", 404, "ExecNotFound"},
	} {
		status, answer := call(t, client, row.method, row.path, row.body)
		var failed struct{ Code, Message string }
		json.Unmarshal([]byte(answer), &failed)
		if status != row.status || failed.Code != row.code || failed.Message == "" {
			t.Errorf("%s %s answered %d %s", row.method, row.path, status, answer)
		}
	}
}

func TestFilesGoInAndOut(t *testing.T) {
	client := startAgent(t)
	path := filepath.Join(t.TempDir(), "new/file")
	content := strings.Repeat("0123456789abcdef", 1<<18)
	if status, answer := call(t, client, "PUT", "/files?createDirs=true&mode=600&path="+path, content); status != 200 || answer != `{"bytesWritten":4194304}` {
		t.Fatalf("%d %s", status, answer)
	}
	if status, answer := call(t, client, "GET", "/files?path="+path, ""); status != 200 || answer != content {
		t.Fatalf("%d, %d bytes", status, len(answer))
	}
	if status, answer := call(t, client, "GET", "/files/stat?path="+path, ""); status != 200 || !strings.Contains(answer, `"mode":384,"isDir":false`) {
		t.Fatalf("%d %s", status, answer)
	}
}

func TestAnExecIsFoundAgainAfterItsStreamIsGone(t *testing.T) {
	client := startAgent(t)
	const id = "00000000-0000-4000-8000-0000000000aa"
	status, answer := call(t, client, "POST", "/execs", `{"id":"`+id+`","argv":["sh","-c","echo one; sleep 0.1; echo two"],"workingDirectory":"/","attach":false}`)
	if status != 200 || !strings.Contains(answer, `"state":"Running"`) {
		t.Fatalf("%d %s", status, answer)
	}
	if status, answer = call(t, client, "GET", "/execs/"+id+"?waitMs=10000", ""); status != 200 || !strings.Contains(answer, `"exitCode":0`) {
		t.Fatalf("%d %s", status, answer)
	}
	if _, answer = call(t, client, "GET", "/execs/"+id+"/output?offset=4", ""); !strings.Contains(answer, "two\n") || strings.Contains(answer, "one\n") {
		t.Fatalf("output from 4 on: %q", answer)
	}
	if status, _ = call(t, client, "DELETE", "/execs/"+id, ""); status != 200 {
		t.Fatalf("deleting answered %d", status)
	}
	if status, _ = call(t, client, "GET", "/execs/"+id, ""); status != 404 {
		t.Fatalf("a deleted exec answers %d", status)
	}
}

func TestOtherCallsAreAnsweredWhileAnExecStreams(t *testing.T) {
	client := startAgent(t)
	request, _ := http.NewRequest("POST", "http://agent/execs", strings.NewReader(`{"id":"00000000-0000-4000-8000-0000000000bb","argv":["sleep","1"],"workingDirectory":"/","attach":true}`))
	go client.RoundTrip(request)
	began := time.Now()
	if status, _ := call(t, client, "GET", "/health", ""); status != 200 || time.Since(began) > 500*time.Millisecond {
		t.Fatalf("health answered %d after %v", status, time.Since(began))
	}
}
