// Command load posts prepared requests to 127.0.0.1, each at its scheduled moment, or each as soon as one of its
// connections is free.
//
// A line of -requests is a path, an idempotency key or nothing, and a body, with tabs between them. A line of
// -answers is a status (0 for none) and microseconds since the first scheduled moment: scheduled, answered.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

type request struct {
	path, key           string
	body                []byte
	status              int
	scheduled, answered time.Duration
}

func main() {
	url := flag.String("url", "", "base `URL`, on 127.0.0.1")
	rate := flag.Float64("rate", 0, "requests a second; 0 for as many as are answered")
	connections := flag.Int("connections", 32, "at most so many at a time")
	timeout := flag.Duration("timeout", time.Minute, "of one request")
	in := flag.String("requests", "", "`file` to read")
	out := flag.String("answers", "", "`file` to write")
	flag.Parse()
	if !strings.HasPrefix(*url, "http://127.0.0.1:") {
		log.Fatal("-url must begin with http://127.0.0.1: as no other machine is to be loaded")
	}
	requests, err := read(*in)
	if err != nil {
		log.Fatal(err)
	}
	schedule(requests, *rate)
	client := &http.Client{Timeout: *timeout, Transport: &http.Transport{
		MaxConnsPerHost: *connections, MaxIdleConnsPerHost: *connections,
	}}
	send(client, *url, requests, *connections, *rate > 0)
	if err := write(*out, requests); err != nil {
		log.Fatal(err)
	}
}

func schedule(requests []request, rate float64) {
	if rate > 0 {
		for i := range requests {
			requests[i].scheduled = time.Duration(float64(i) / rate * float64(time.Second))
		}
	}
}

// send lets a request wait for its moment when it has one; without one, the answer to another is what it waits for.
func send(client *http.Client, url string, requests []request, connections int, timed bool) {
	began := time.Now()
	workers := connections
	if timed {
		// A slow answer must not delay the next request.
		workers = len(requests)
	}
	next := make(chan *request)
	var all sync.WaitGroup
	start := func() {
		all.Add(1)
		go func() {
			defer all.Done()
			for r := range next {
				r.post(client, url, began)
			}
		}()
	}
	for i := range requests {
		r := &requests[i]
		if timed {
			time.Sleep(time.Until(began.Add(r.scheduled)))
		} else {
			r.scheduled = time.Since(began)
		}
		if i < workers {
			start()
		}
		next <- r
	}
	close(next)
	all.Wait()
}

func (r *request) post(client *http.Client, url string, began time.Time) {
	message, err := http.NewRequest(http.MethodPost, url+r.path, bytes.NewReader(r.body))
	if err != nil {
		log.Fatal(err)
	}
	message.Header.Set("Content-Type", "application/json")
	if r.key != "" {
		message.Header.Set("Idempotency-Key", r.key)
	}
	response, err := client.Do(message)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	r.answered = time.Since(began)
	if err == nil {
		r.status = response.StatusCode
	}
}

func read(path string) ([]request, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var requests []request
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), "\t", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("not a path, a key and a body: %q", lines.Text())
		}
		requests = append(requests, request{path: fields[0], key: fields[1], body: []byte(fields[2])})
	}
	return requests, lines.Err()
}

func write(path string, requests []request) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	for _, r := range requests {
		fmt.Fprintf(out, "%d,%d,%d\n", r.status, r.scheduled.Microseconds(), r.answered.Microseconds())
	}
	return out.Flush()
}
