package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachLineIsPostedOnceWithItsKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests")
	os.WriteFile(path, []byte("/a\tk-1\t{\"n\": 1}\n/b\t\t{}\n"), 0o600)
	requests, err := read(path)
	if err != nil || len(requests) != 2 {
		t.Fatal(requests, err)
	}
	var keys atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") == "k-1" && r.URL.Path == "/a" {
			keys.Add(1)
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()

	send(server.Client(), server.URL, requests, 2, false)

	for _, r := range requests {
		if r.status != http.StatusCreated || r.answered < r.scheduled {
			t.Error(r)
		}
	}
	if keys.Load() != 1 {
		t.Error("keys", keys.Load())
	}
}

func TestASlowAnswerDelaysNoOtherRequest(t *testing.T) {
	release := make(chan struct{})
	var arrived atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if arrived.Add(1) == 3 {
			close(release)
		}
		<-release
	}))
	defer server.Close()
	requests := []request{{path: "/"}, {path: "/"}, {path: "/"}}
	schedule(requests, 1_000)

	send(server.Client(), server.URL, requests, 1, true)

	if requests[2].scheduled != 2*time.Millisecond || arrived.Load() != 3 {
		t.Error(requests[2].scheduled, arrived.Load())
	}
}

func TestWhatGetsNoAnswerHasNoStatus(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	requests := []request{{path: "/"}}

	send(http.DefaultClient, server.URL, requests, 1, false)

	if requests[0].status != 0 {
		t.Error(requests[0].status)
	}
}
