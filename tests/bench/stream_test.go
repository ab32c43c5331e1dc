package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What is slow does not put off what comes after it: that would be measuring how fast it may be asked.
func TestPaceIsKeptWhateverThingsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		begins := make([]time.Duration, 4)
		err := pace(t.Context(), time.Second, len(begins), func(i int) error {
			begins[i] = time.Since(began)
			time.Sleep(10 * time.Second)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}; !slices.Equal(begins, want) {
			t.Errorf("begun after %v, want %v", begins, want)
		}
		if took := time.Since(began); took != 14*time.Second {
			t.Errorf("it ended after %s, before the last thing did", took)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		n := 0
		err := pace(ctx, time.Second, 100, func(int) error { n++; return nil })
		if !errors.Is(err, context.DeadlineExceeded) || n != 1 {
			t.Errorf("%d things and %v", n, err)
		}
	})
}

func TestPaceTellsWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		err := pace(t.Context(), time.Second, 3, func(i int) error {
			if i == 1 {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}
