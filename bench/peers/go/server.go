// SPDX-License-Identifier: MIT

// server.go - the same server in Go: a goroutine for each connection, blocking code over net.Conn.
// hello is net/http, which is what people use; echo reads and writes by hand. pages is the client
// of bench_pages on net/http: a goroutine for each job, connections kept.
//
//	peer_go echo|hello [--threads N] [--hogs N]
//	peer_go pages --port N [--pages N] [--jobs N] [--threads N]
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "peer_go:", err)
	os.Exit(1)
}

func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 8192)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "13")
	w.Write([]byte("Hello, World!"))
}

func hog() {
	for {
		time.Sleep(50 * time.Millisecond)
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		}
	}
}

func option(name string, fallback int) int {
	for i := 2; i+1 < len(os.Args); i += 2 {
		if os.Args[i] == name {
			n, err := strconv.Atoi(os.Args[i+1])
			if err != nil {
				fail(err)
			}
			return n
		}
	}
	return fallback
}

// The length of the page.
func fetchPage(client *http.Client, url string) (int64, error) {
	r, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		return 0, errors.New(r.Status)
	}
	return io.Copy(io.Discard, r.Body)
}

func pages(port, count, jobs int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: jobs}}
	url := fmt.Sprintf("http://127.0.0.1:%d/page", port)
	totals := make(chan int64)
	for i := 0; i < jobs; i++ {
		go func(first int) {
			total := int64(0)
			for page := first; page < count; page += jobs {
				n, err := fetchPage(client, url)
				if err != nil {
					fail(err)
				}
				total += n
			}
			totals <- total
		}(i)
	}
	total := int64(0)
	for i := 0; i < jobs; i++ {
		total += <-totals
	}
	fmt.Println("pages", count, "bytes", total)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pages" {
		runtime.GOMAXPROCS(option("--threads", 1))
		pages(option("--port", 0), option("--pages", 1000), option("--jobs", 256))
		return
	}
	if len(os.Args) < 2 || (os.Args[1] != "echo" && os.Args[1] != "hello") {
		fmt.Fprintln(os.Stderr, "peer_go echo|hello [--threads N] [--hogs N]")
		fmt.Fprintln(os.Stderr, "peer_go pages --port N [--pages N] [--jobs N] [--threads N]")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(option("--threads", 1))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for i := option("--hogs", 0); i > 0; i-- {
		go hog()
	}
	if os.Args[1] == "hello" {
		go http.Serve(listener, http.HandlerFunc(hello))
	} else {
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					fail(err)
				}
				go echo(c)
			}
		}()
	}
	bufio.NewReader(os.Stdin).ReadString(0)
}
