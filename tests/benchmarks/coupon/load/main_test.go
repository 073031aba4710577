package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func loaded(t *testing.T, handler http.HandlerFunc, users int, connections int) []journey {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	o := options{
		url: server.URL, coupon: 7, firstUser: 1, users: users, perSecond: 100, deadline: 20 * time.Second,
		follow: true, pollEvery: time.Millisecond, keyPrefix: "test-",
	}
	_, journeys := run(o, connections)
	return journeys
}

func TestAPauseThatIsToldIsKeptAndAPressRepeatedUnderItsKey(t *testing.T) {
	var posts, gets []time.Time
	keys := map[string]bool{}
	journeys := loaded(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts = append(posts, time.Now())
			keys[r.Header.Get("Idempotency-Key")] = true
			if len(posts) == 1 {
				w.Header().Set("Retry-After", "0.3")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"requestId":"r","status":"ACCEPTED"}`)
			return
		}
		gets = append(gets, time.Now())
		if len(gets) == 1 {
			w.Header().Set("Retry-After", "0.3")
			fmt.Fprint(w, `{"requestId":"r","status":"ACCEPTED"}`)
			return
		}
		fmt.Fprint(w, `{"requestId":"r","status":"REJECTED","reason":"SOLD_OUT"}`)
	}, 1, 1)
	j := journeys[0]
	if j.outcome != "REJECTED SOLD_OUT" || j.presses != 2 || j.polls != 2 || j.withPause != 1 || j.requestID != "r" {
		t.Fatalf("%+v", j)
	}
	if len(keys) != 1 || !keys["test-1"] {
		t.Fatalf("keys %v", keys)
	}
	for _, moments := range [][]time.Time{posts, gets} {
		if pause := moments[1].Sub(moments[0]); pause < 300*time.Millisecond {
			t.Fatalf("came back after %v", pause)
		}
	}
	if j.decided < 600*time.Millisecond || j.answered >= j.decided {
		t.Fatalf("%+v", j)
	}
}

func TestWaitingForASlowServerCountsFromTheScheduledPress(t *testing.T) {
	var one sync.Mutex
	journeys := loaded(t, func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		time.Sleep(100 * time.Millisecond)
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"type":"urn:problem:sold-out"}`)
	}, 5, 1)
	var longest time.Duration
	for _, j := range journeys {
		if j.outcome != "409 sold-out" {
			t.Fatalf("%+v", j)
		}
		longest = max(longest, j.answered-j.scheduled)
	}
	// Five answers take half a second, and the last press was scheduled at 40 ms.
	if longest < 440*time.Millisecond {
		t.Fatalf("the slowest answer took %v", longest)
	}
}

func TestUsersWithoutAnAnswerAreNamed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	o := options{
		url: server.URL, coupon: 7, firstUser: 5, users: 2, perSecond: 100, deadline: 300 * time.Millisecond,
		retryErrors: true, pollEvery: time.Millisecond,
	}
	_, journeys := run(o, 1)
	for i, j := range journeys {
		if j.user != int64(5+i) || j.outcome != "UNANSWERED" || j.answered != -1 || j.presses < 2 {
			t.Fatalf("%+v", j)
		}
	}
}
