// Command load presses for a coupon, each user once at a scheduled moment, whether or not others were answered.
//
// It writes one CSV line a user: user, requestId, outcome, then microseconds since the first scheduled moment:
// scheduled, answered, decided (-1 for never), then how often it sent the press and asked for the decision, and
// how many of the answers to that said when to come back. The first line is the moment that those times count
// from, in microseconds since the epoch.
//
// With -watch it asks a watch server in place of polling: one stream of events a user, opened again when it breaks.
// The polls are then the streams opened, and the last two columns what the places were: how many came, and how many
// were worse than one before.
//
// A 503 is repeated after its Retry-After, and so is an answer without a decision; everything ends at -deadline.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

type options struct {
	url         string
	coupon      int64
	firstUser   int64
	users       int
	perSecond   float64
	deadline    time.Duration
	follow      bool
	wait        float64
	pollEvery   time.Duration
	keyPrefix   string
	retryErrors bool
	watchURL    string
}

// journey is what became of one user's press.
type journey struct {
	user                         int64
	requestID                    string
	outcome                      string
	scheduled, answered, decided time.Duration
	presses, polls, withPause    int
	places, worse, place         int
}

func main() {
	var o options
	var connections int
	var path string
	flag.StringVar(&o.url, "url", "", "base `URL` of the API, on 127.0.0.1")
	flag.Int64Var(&o.coupon, "coupon", 0, "`id` of the coupon")
	flag.Int64Var(&o.firstUser, "first-user", 1, "`number` of the first user; the others follow it")
	flag.IntVar(&o.users, "users", 0, "`count` of users, at most 1000000")
	flag.Float64Var(&o.perSecond, "rate", 0, "presses a second")
	flag.DurationVar(&o.deadline, "deadline", time.Minute, "when everything ends, from the start")
	flag.BoolVar(&o.follow, "follow", false, "ask for the decision of what was accepted")
	flag.Float64Var(&o.wait, "wait", 0, "`seconds` that the API may hold the answer back")
	flag.DurationVar(&o.pollEvery, "poll-every", 200*time.Millisecond, "pause where no answer says when to come back")
	flag.StringVar(&o.keyPrefix, "key-prefix", "", "send idempotency keys that begin so")
	flag.BoolVar(&o.retryErrors, "retry-errors", false, "repeat a press whose connection broke, under its key")
	flag.StringVar(&o.watchURL, "watch", "", "base `URL` of the watch server, on 127.0.0.1, to follow by streams")
	flag.IntVar(&connections, "connections", 256, "at most so many at a time")
	flag.StringVar(&path, "answers", "", "`file` to write")
	flag.Parse()
	if !strings.HasPrefix(o.url, "http://127.0.0.1:") {
		log.Fatal("-url must begin with http://127.0.0.1: as no other machine is to be pressed")
	}
	if o.watchURL != "" && !strings.HasPrefix(o.watchURL, "http://127.0.0.1:") {
		log.Fatal("-watch must begin with http://127.0.0.1: as well")
	}
	if o.users < 1 || o.users > 1_000_000 || o.perSecond <= 0 || o.coupon < 1 || path == "" {
		log.Fatal("-coupon, -users, -rate and -answers are needed")
	}
	began, journeys := run(o, connections)
	if err := write(path, began, journeys); err != nil {
		log.Fatal(err)
	}
}

func run(o options, connections int) (time.Time, []journey) {
	client := &http.Client{Transport: &http.Transport{
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute,
	}}
	// A stream takes a connection for as long as it lasts.
	streams := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, ReadBufferSize: 1024,
		WriteBufferSize: 1024}}
	ctx, cancel := context.WithTimeout(context.Background(), o.deadline)
	defer cancel()
	journeys := make([]journey, o.users)
	for i := range journeys {
		scheduled := time.Duration(float64(i) / o.perSecond * float64(time.Second))
		journeys[i] = journey{
			user: o.firstUser + int64(i), outcome: "UNANSWERED", scheduled: scheduled, answered: -1, decided: -1,
		}
	}
	began := time.Now()
	var all sync.WaitGroup
	for i := range journeys {
		j := &journeys[i]
		if !pause(ctx, time.Until(began.Add(j.scheduled))) {
			break
		}
		all.Add(1)
		go func() {
			defer all.Done()
			u := user{o, client, ctx, began, j}
			switch accepted := u.press() && o.follow; {
			case accepted && o.watchURL != "":
				u.client = streams
				u.stream()
			case accepted:
				u.watch()
			}
		}()
	}
	all.Wait()
	return began, journeys
}

type user struct {
	options
	client *http.Client
	ctx    context.Context
	began  time.Time
	*journey
}

type answer struct {
	status int
	// pause is what Retry-After says; hasPause, whether it does.
	pause    time.Duration
	hasPause bool
	body     struct {
		RequestID string  `json:"requestId"`
		Status    string  `json:"status"`
		Reason    string  `json:"reason"`
		Type      string  `json:"type"`
		NextPoll  float64 `json:"nextPollSeconds"`
	}
}

// press returns true when the press was accepted and its decision is to be waited for.
func (u *user) press() bool {
	url := fmt.Sprintf("%s/api/v1/users/%d/coupons/%d/issue", u.url, u.user, u.coupon)
	for u.ctx.Err() == nil {
		u.presses++
		a, err := u.send(http.MethodPost, url)
		switch {
		case err != nil && u.retryErrors:
			if !pause(u.ctx, jittered(u.pollEvery)) {
				return false
			}
			continue
		case err != nil:
			u.outcome = "BROKEN"
			return false
		case a.status == http.StatusServiceUnavailable:
			if !pause(u.ctx, a.pauseOr(u.pollEvery)) {
				return false
			}
			continue
		}
		u.answered = time.Since(u.began)
		u.requestID = a.body.RequestID
		if a.status == http.StatusAccepted {
			u.outcome = a.body.Status
			// As the acceptance says, if it does.
			return u.outcome == "ACCEPTED" && (!a.hasPause || pause(u.ctx, a.pause))
		}
		u.outcome = fmt.Sprintf("%d %s%s", a.status, a.body.Status, lastPart(a.body.Type))
		return false
	}
	return false
}

func (u *user) watch() {
	url := u.url + "/api/v1/coupon-requests/" + u.requestID
	if u.wait > 0 {
		url += "?wait=" + strconv.FormatFloat(u.wait, 'f', -1, 64)
	}
	for u.ctx.Err() == nil {
		u.polls++
		a, err := u.send(http.MethodGet, url)
		if err == nil && a.status == http.StatusOK && a.body.Status != "ACCEPTED" {
			u.decided = time.Since(u.began)
			u.outcome = a.body.Status
			if a.body.Reason != "" {
				u.outcome += " " + a.body.Reason
			}
			return
		}
		delay := jittered(u.pollEvery)
		if err == nil {
			delay = a.pauseOr(u.pollEvery)
			if a.hasPause {
				u.withPause++
			}
		}
		if !pause(u.ctx, delay) {
			return
		}
	}
}

// stream follows the events of the request, through as many connections as it takes.
func (u *user) stream() {
	for u.ctx.Err() == nil {
		u.polls++
		delay := jittered(u.pollEvery)
		if u.events(&delay) || !pause(u.ctx, delay) {
			return
		}
	}
}

// events returns true when the decision came; otherwise delay is what the server asks for, if it does.
func (u *user) events(delay *time.Duration) bool {
	url := u.watchURL + "/api/v1/coupon-requests/" + u.requestID + "/events"
	request, err := http.NewRequestWithContext(u.ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := u.client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
			*delay = time.Duration(seconds) * time.Second
			u.withPause++
		}
		return false
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 512), 1<<16)
	name := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "retry":
			if milliseconds, err := strconv.Atoi(value); err == nil {
				*delay = time.Duration(milliseconds) * time.Millisecond
			}
		case "data":
			if u.event(name, value) {
				return true
			}
		}
	}
	return false
}

func (u *user) event(name, data string) bool {
	var event struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
		Place  *int   `json:"place"`
	}
	if json.Unmarshal([]byte(data), &event) != nil {
		return false
	}
	switch name {
	case "place":
		u.places++
		// Not known any more would be worse than known.
		known := event.Place != nil
		if u.place > 0 && (!known && u.polls == 1 || known && *event.Place > u.place) {
			u.worse++
		}
		if known {
			u.place = *event.Place
		}
	case "decision":
		u.decided = time.Since(u.began)
		u.outcome = event.Status
		if event.Reason != "" {
			u.outcome += " " + event.Reason
		}
		return true
	}
	return false
}

func (u *user) send(method, url string) (answer, error) {
	var a answer
	request, err := http.NewRequestWithContext(u.ctx, method, url, nil)
	if err != nil {
		return a, err
	}
	if method == http.MethodPost && u.keyPrefix != "" {
		request.Header.Set("Idempotency-Key", u.keyPrefix+strconv.FormatInt(u.user, 10))
	}
	response, err := u.client.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return a, err
	}
	a.status = response.StatusCode
	if seconds, err := strconv.ParseFloat(response.Header.Get("Retry-After"), 64); err == nil && seconds >= 0 {
		a.pause, a.hasPause = time.Duration(seconds*float64(time.Second)), true
	}
	if err := json.Unmarshal(content, &a.body); err != nil && a.status < 400 {
		return a, errors.New("the answer isn't JSON")
	}
	if a.body.NextPoll > 0 {
		// Retry-After says the same in whole seconds.
		a.pause, a.hasPause = time.Duration(a.body.NextPoll*float64(time.Second)), true
	}
	return a, nil
}

func (a answer) pauseOr(usual time.Duration) time.Duration {
	if a.hasPause {
		return a.pause
	}
	return jittered(usual)
}

// jittered keeps users without a time to come back from coming together.
func jittered(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (0.75 + 0.5*rand.Float64()))
}

// pause returns false when everything ends meanwhile.
func pause(ctx context.Context, duration time.Duration) bool {
	if duration <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func lastPart(kind string) string {
	return kind[strings.LastIndex(kind, ":")+1:]
}

func write(path string, began time.Time, journeys []journey) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	fmt.Fprintln(out, began.UnixMicro())
	for _, j := range journeys {
		fmt.Fprintf(out, "%d,%s,%s,%d,%d,%d,%d,%d,%d,%d,%d\n", j.user, j.requestID, strings.ReplaceAll(j.outcome, ",", " "),
			micros(j.scheduled), micros(j.answered), micros(j.decided), j.presses, j.polls, j.withPause, j.places, j.worse)
	}
	return out.Flush()
}

func micros(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}
