// SPDX-License-Identifier: MIT

// idle.go - a runtime that has started goroutines and used its timers, then nothing but the main
// goroutine's sleep, which keeps no thread busy. The collector has run before, so that what is
// left of its background work does not count.
package main

import (
	"runtime"
	"time"
)

func idle(seconds int) uint64 {
	done := make(chan struct{})
	for i := 0; i < 1000; i++ {
		go func() {
			time.Sleep(100 * time.Microsecond)
			done <- struct{}{}
		}()
	}
	for i := 0; i < 1000; i++ {
		<-done
	}
	runtime.GC()
	time.Sleep(1500 * time.Millisecond)
	before := cpu()
	time.Sleep(time.Duration(seconds) * time.Second)
	figure("cpu", "ms", float64(cpu()-before)/1e6)
	return 0
}
