// SPDX-License-Identifier: MIT

// sort.go - Go 1.19 has no parallel sort in its library, so this is what its users write: halves
// are sorted by a goroutine each until there is one part for each worker, sort.Slice (a
// pattern-defeating quicksort; the generic slices.Sort came to the library with 1.21) sorts a
// part, and two sorted halves are merged through a second array by one of the two. The merges are
// serial each, the last one of all elements.
package main

import (
	"runtime"
	"sort"
	"sync"
	"time"
)

func merge(to, a, b []int32) {
	for i := range to {
		if len(b) == 0 || len(a) > 0 && a[0] <= b[0] {
			to[i], a = a[0], a[1:]
		} else {
			to[i], b = b[0], b[1:]
		}
	}
}

func sortParts(values, spare []int32, parts int) {
	if parts <= 1 {
		sort.Slice(values, func(i, k int) bool { return values[i] < values[k] })
		return
	}
	half := len(values) / 2
	var left sync.WaitGroup
	left.Add(1)
	go func() {
		defer left.Done()
		sortParts(values[:half], spare[:half], parts/2)
	}()
	sortParts(values[half:], spare[half:], parts-parts/2)
	left.Wait()
	copy(spare, values)
	merge(values, spare[:half], spare[half:])
}

func parallelSort(count int) uint64 {
	seed := random(1)
	values, spare := make([]int32, count), make([]int32, count)
	for i := range values {
		values[i] = int32(seed.next())
	}
	start := time.Now()
	sortParts(values, spare, runtime.GOMAXPROCS(0))
	figure("sort", "ms", float64(time.Since(start))/1e6)
	var sum uint64
	for i, value := range values {
		if i > 0 && values[i-1] > value {
			fail("not sorted at %d", i)
		}
		sum += uint64(int64(value)) * uint64(i+1)
	}
	return sum
}
