// Usage: fetch URL…: a line for each, its status and the first line of its answer.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	client := http.Client{Timeout: time.Minute}
	for _, url := range os.Args[1:] {
		answer, err := client.Get(url)
		if err != nil {
			fmt.Println("failed")
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		line, _, _ := strings.Cut(string(body), "\n")
		fmt.Println(answer.StatusCode, line)
	}
}
