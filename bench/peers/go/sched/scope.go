// SPDX-License-Identifier: MIT

// scope.go - an errgroup (golang.org/x/sync, by the Go team) with a context, which the first error
// cancels: Go for each child, then Wait. The children do not look at the context, as they do not
// wait.
package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const scopes = 100

func openAndClose(places []uint64) {
	group, _ := errgroup.WithContext(context.Background())
	for i := range places {
		place := &places[i]
		group.Go(func() error {
			*place++
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		fail("a child: %v", err)
	}
}

func scope(count int) uint64 {
	places := make([]uint64, count)
	for i := range places {
		places[i] = 0 // The slice's pages are there before the clock starts.
	}
	start := time.Now()
	for n := 0; n < scopes; n++ {
		openAndClose(places)
	}
	figure("child", "ns", nsSince(start, scopes*count))
	var sum uint64
	for i, place := range places {
		sum += uint64(i+1) * place
	}
	return sum
}
