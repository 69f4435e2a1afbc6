// SPDX-License-Identifier: MIT

// server.go - the same server in Go: a goroutine for each connection, blocking code over net.Conn.
// hello is net/http, which is what people use; echo reads and writes by hand.
//
//	peer_go echo|hello [--threads N] [--hogs N]
package main

import (
	"bufio"
	"fmt"
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

func main() {
	if len(os.Args) < 2 || (os.Args[1] != "echo" && os.Args[1] != "hello") {
		fmt.Fprintln(os.Stderr, "peer_go echo|hello [--threads N] [--hogs N]")
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
