// SPDX-License-Identifier: MIT

// token_wait.go - the contexts of token_tree.go, and a goroutine at each that receives from its Done
// channel, which is made then, until it is closed. A WaitGroup tells when the last has ended.
package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

func tokenWait(count int) uint64 {
	var started, ended sync.WaitGroup
	var told uint64
	tokens := make([]token, count)
	makeTokens(tokens)
	started.Add(count)
	ended.Add(count)
	for i := range tokens {
		go func(ctx context.Context) {
			started.Done()
			<-ctx.Done()
			atomic.AddUint64(&told, 1)
			ended.Done()
		}(tokens[i].ctx)
	}
	started.Wait()
	time.Sleep(20 * time.Millisecond) // None is on its way to its wait any more.
	start := time.Now()
	tokens[0].cancel()
	ended.Wait()
	figure("told", "ns", nsSince(start, count))
	return told
}
