// SPDX-License-Identifier: MIT

// parked_memory.go - goroutines that wait on a channel which is closed when all shall end, Go's
// usual way to tell many at once. A goroutine's stack starts with 2 KiB, and nothing here makes it
// grow. "create" ends when all have said that they run, "end" when all have left.
package main

import (
	"sync"
	"sync/atomic"
	"time"
)

func parkedMemory(count int) uint64 {
	var started, ended sync.WaitGroup
	var left uint64
	stop := make(chan struct{})
	before := memoryBytes()
	start := time.Now()
	started.Add(count)
	ended.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-stop
			atomic.AddUint64(&left, 1)
			ended.Done()
		}()
	}
	started.Wait()
	create := time.Since(start)
	time.Sleep(20 * time.Millisecond)
	figure("bytes", "B", (memoryBytes()-before)/float64(count))
	figure("create", "s", create.Seconds())
	start = time.Now()
	close(stop)
	ended.Wait()
	figure("end", "s", time.Since(start).Seconds())
	return left
}
