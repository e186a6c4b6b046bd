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
type compression struct {
	works, refused atomic.Bool
	odd            atomic.Int32 // answers in a row
}

// oddAnswers is how many answers of a service in trouble, each followed by one that took the same plainly, are no coincidence.
const oddAnswers = 2

// attempt sends a request, compressed if send finds that worth it. A compressed one that was answered oddly is sent plainly
// too, and if that is taken, so are all others from then on; a service in trouble gets another chance.
func (c *compression) attempt(send func(mayCompress bool) (compressed bool, err error)) error {
	compressed, err := send(!c.refused.Load())
	if compressed && err == nil {
		c.works.Store(true)
	}
	if odd, status := answeredOddly(err); compressed && odd && !c.works.Load() {
		if _, err := send(false); err == nil {
			c.refused.Store(status < 500 || c.odd.Add(1) >= oddAnswers)
			return nil
		}
	}
	return err
}

// answeredOddly tells whether there was an answer that could mean: what is this encoding?
func answeredOddly(err error) (odd bool, status int) {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || classOf(err) != cloudwatch.Unavailable {
		return false, 0
	}
	return answer.HTTPStatusCode() >= 400, answer.HTTPStatusCode()
}
