package awsapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

func TestOneAnswerOfAServiceInTroubleDoesNotEndCompression(t *testing.T) {
	var asked, plain atomic.Int64
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"__type":"ServiceUnavailableException"}`)
			return
		}
		if r.Header.Get("Content-Encoding") != "gzip" {
			plain.Add(1)
		}
		fmt.Fprint(w, `{}`)
	})
	l := a.Logs()
	long := batch(strings.Repeat("x", 10*compressAbove))
	for range 10 {
		_, _ = l.PutLogEvents(t.Context(), stream, long)
	}
	if n := plain.Load(); n > 1 {
		t.Errorf("%d of ten requests were not compressed, because of one 503", n)
	}
}

func TestLookingABatchUpEndsWhenThereIsMoreThanTheBatch(t *testing.T) {
	var pages atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		if pages.Add(1) == 1000 { // others write to the stream as fast as it is read
			cancel()
		}
		fmt.Fprintf(w, `{"events":[{"timestamp":1000,"message":"of another"}],"nextForwardToken":"f/%d"}`, pages.Load())
	})
	if _, err := a.Logs().FindEvents(ctx, stream, cloudwatch.Trace{First: 1000, Last: 1001}, 10); err != nil {
		t.Errorf("after %d pages: no end, and each try begins with the first: %v", pages.Load(), err)
	}
}
