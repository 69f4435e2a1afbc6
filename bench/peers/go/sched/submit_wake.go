// SPDX-License-Identifier: MIT

// submit_wake.go - all threads of a Go program belong to its runtime. The one outside is therefore
// a goroutine that is locked to a thread of its own and sleeps in the kernel, as a callback from C
// would come: what it starts must run on another thread, which is asleep and has to be woken. An
// ordinary goroutine would run the new one on its own thread as soon as it waits for it.
package main

import (
	"runtime"
	"syscall"
	"time"
)

func submitWake(count int) uint64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	latencyUs := make([]float64, count)
	started := make(chan time.Time, 1)
	for i := range latencyUs {
		gap := syscall.NsecToTimespec(2e6)
		// A signal of the runtime's own may cut a nap short; the gap need not be exact.
		_ = syscall.Nanosleep(&gap, nil)
		start := time.Now()
		go func() { started <- time.Now() }()
		latencyUs[i] = float64((<-started).Sub(start)) / 1e3
	}
	figure("p50", "us", percentile(latencyUs, 0.5))
	figure("p99", "us", percentile(latencyUs, 0.99))
	return uint64(len(latencyUs))
}
