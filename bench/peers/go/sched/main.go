// SPDX-License-Identifier: MIT

// main.go - Go beside thrum's scheduler: the command line and what the workloads share. Each
// workload is a file of its own, written as Go's users would; workers are GOMAXPROCS, and all else
// of the runtime, its garbage collector included, is as it comes.
//
//	peer --list
//	peer WORKLOAD --workers W --count N
//
// It does the workload once and prints its figures and the checksum of its work.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type workload struct {
	name string
	run  func(count int) uint64
}

var workloads = []workload{
	{"fork_join", forkJoin},
	{"skynet", skynet},
	{"flat_spawn", flatSpawn},
	{"yield", yield},
	{"ping_pong", pingPong},
	{"ready_future", readyFuture},
	{"parked_memory", parkedMemory},
	{"sleepers", sleepers},
	{"idle", idle},
	{"submit_wake", submitWake},
	{"behind_hog", behindHog},
	{"sort", parallelSort},
	{"parallel_for", parallelFor},
	{"scope", scope},
	{"token_tree", tokenTree},
	{"token_wait", tokenWait},
	{"timeout", timeout},
	{"chan_1to1", chan1to1},
	{"chan_nton", chanNton},
	{"chan_rendezvous", chanRendezvous},
	{"chan_batch", chanBatch},
	{"select_2", select2},
	{"select_8", select8},
	{"mutex", mutex},
	{"semaphore", semaphore},
	{"rwlock", rwlock},
	{"cond_ping_pong", condPingPong},
	{"barrier_100", barrier100},
	{"waiters", waiters},
}

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "peer go: "+format+"\n", args...)
	os.Exit(1)
}

func figure(name, unit string, value float64) {
	fmt.Printf("figure\t%s\t%s\t%.6g\n", name, unit, value)
}

// nsSince is for figures of one operation of n.
func nsSince(start time.Time, n int) float64 {
	return float64(time.Since(start)) / float64(n)
}

// cpu is the user and system time of the process.
func cpu() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// memoryBytes is what is resident, page tables included.
func memoryBytes() float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		fail("%v", err)
	}
	defer file.Close()
	kib := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "VmRSS:" || fields[0] == "VmPTE:" {
			n, _ := strconv.Atoi(fields[1])
			kib += n
		}
	}
	return float64(kib) * 1024
}

// percentile sorts the values.
func percentile(values []float64, p float64) float64 {
	sort.Float64s(values)
	at := int(float64(len(values)) * p)
	if at >= len(values) {
		at = len(values) - 1
	}
	return values[at]
}

// xorshift64; the seed is 1.
type random uint64

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = random(x)
	return x
}

func usage() {
	fmt.Fprintln(os.Stderr, "peer --list | peer WORKLOAD --workers W --count N")
	os.Exit(2)
}

// option is the number behind the option of that name.
func option(name string) int {
	for i := 2; i+1 < len(os.Args); i += 2 {
		if n, err := strconv.Atoi(os.Args[i+1]); os.Args[i] == name && err == nil && n > 0 {
			return n
		}
	}
	usage()
	return 0
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		for _, w := range workloads {
			fmt.Println(w.name)
		}
		return
	}
	for _, w := range workloads {
		if len(os.Args) == 6 && w.name == os.Args[1] {
			runtime.GOMAXPROCS(option("--workers"))
			fmt.Printf("sum\t%d\n", w.run(option("--count")))
			return
		}
	}
	usage()
}
