package awsapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// maxAnswer bounds in bytes what is read of an answer that we parse ourselves.
const maxAnswer = 1 << 20

// byHand is a request that is made and signed here.
type byHand struct {
	to          service
	region      string
	contentType string
	target      string // X-Amz-Target of the JSON protocols
	body        []byte
}

// answer is what came back, whatever its status.
type answer struct {
	status int
	header http.Header
	raw    []byte
}

// send signs and sends a request. A failure is one of the way there.
func (a Account) send(ctx context.Context, r byHand) (answer, error) {
	endpoint, err := a.endpoint(ctx, r.to, r.region)
	if err != nil {
		return answer{}, &cloudwatch.Failure{Class: cloudwatch.Invalid, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, &cloudwatch.Failure{Class: cloudwatch.Invalid, Err: err}
	}
	req.Header.Set("Content-Type", r.contentType)
	if r.target != "" {
		req.Header.Set("X-Amz-Target", r.target)
	}
	if a.userAgent != "" {
		req.Header.Set("User-Agent", a.userAgent)
	}
	credentials, err := a.retrieve(ctx)
	if err != nil {
		return answer{}, err
	}
	sum := sha256.Sum256(r.body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), r.to.name, r.region, time.Now()); err != nil {
		return answer{}, &cloudwatch.Failure{Class: cloudwatch.Invalid, Err: fmt.Errorf("sign request: %w", err)}
	}
	res, err := a.cfg.HTTPClient.Do(req)
	if err != nil {
		return answer{}, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: err}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: fmt.Errorf("read answer: %w", err)}
	}
	return answer{res.StatusCode, res.Header, raw}, nil
}
