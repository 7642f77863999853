// What becomes of datagrams and echoes to an address outside: a line for each, how it ended.
package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

func main() {
	for _, network := range []string{"udp", "ip4:icmp"} {
		address := map[string]string{"udp": "203.0.113.9:443", "ip4:icmp": "203.0.113.9"}[network]
		fmt.Println(network, outcome(network, address))
	}
}

func outcome(network, address string) string {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err.Error()
	}
	began := time.Now()
	conn.SetDeadline(began.Add(5 * time.Second))
	// An echo request with its checksum.
	if _, err = conn.Write([]byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}); err == nil {
		_, err = conn.Read(make([]byte, 64))
	}
	switch {
	case err == nil:
		return "answered"
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPERM):
		if time.Since(began) < 300*time.Millisecond {
			return "refused at once"
		}
		return "refused late"
	}
	return err.Error()
}
