package awsapi

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"

	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/klauspost/compress/gzip"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Compressors are large, and in use for a moment; a body is small, and on the wire for as long as the service takes.
var (
	compressors = sync.Pool{New: func() any {
		zip, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
		return &compressor{zip: zip}
	}}
	bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// compressor is the memory in which requests are made.
type compressor struct {
	scratch []byte
	zip     *gzip.Writer
}

// compression is what is known of an endpoint: whether it takes compressed requests. The services do, some stand-ins for
// them do not.
type compression struct{ works, refused atomic.Bool }

// attempt sends a request, compressed if send finds that worth it. A compressed one that was answered oddly is sent plainly
// too, and if that is taken, so are all others from then on.
func (c *compression) attempt(send func(mayCompress bool) (compressed bool, err error)) error {
	compressed, err := send(!c.refused.Load())
	if compressed && err == nil {
		c.works.Store(true)
	}
	if compressed && answeredOddly(err) && !c.works.Load() {
		if _, err := send(false); err == nil {
			c.refused.Store(true)
			return nil
		}
	}
	return err
}

// answeredOddly tells whether there was an answer that could mean: what is this encoding?
func answeredOddly(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && classOf(err) == cloudwatch.Unavailable && answer.HTTPStatusCode() >= 400
}
