package local

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// cborProtocol is Smithy RPC v2 CBOR: POST /service/NAME/operation/NAME, a CBOR map each way.
// The current SDKs speak it to CloudWatch metrics.
// Source: the Smithy specification, "Smithy RPC v2 CBOR protocol".
type cborProtocol struct{}

const cloudWatchTarget = "GraniteServiceVersion20100801"

// cborOperation reads the path of a request, which may have a prefix.
func cborOperation(path string) (service, operation string, ok bool) {
	_, rest, found := strings.Cut(path, "/service/")
	name, operation, split := strings.Cut(rest, "/operation/")
	if !found || !split || operation == "" || strings.Contains(operation, "/") {
		return "", "", false
	}
	if name == cloudWatchTarget {
		name = "cloudwatch"
	}
	return name, operation, true
}

func (cborProtocol) decode(c *call, into any) error {
	if len(c.body) == 0 {
		return nil
	}
	mode, err := cbor.DecOptions{
		MaxNestedLevels:   16,
		MaxArrayElements:  maxMetricData * maxValues,
		MaxMapPairs:       10_000,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		return fmt.Errorf("decode CBOR: %w", err)
	}
	if err := mode.Unmarshal(c.body, into); err != nil {
		return fmt.Errorf("decode CBOR: %w", err)
	}
	return nil
}

func (cborProtocol) succeed(w http.ResponseWriter, _ *call, out any) error {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	if _, empty := out.(*nothing); empty {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	body, err := cbor.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode CBOR: %w", err)
	}
	w.Header().Set("Content-Type", "application/cbor")
	_, err = w.Write(body)
	return err
}

func (cborProtocol) fail(w http.ResponseWriter, _ *call, e *apiError) {
	// CloudWatch was a Query service: clients of that time match its older code, from this header.
	// Source: the Smithy specification, "awsQueryCompatible trait".
	w.Header().Set("X-Amzn-Query-Error", e.code+";"+e.fault())
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(e.status)
	body, err := cbor.Marshal(errorShape{Type: "com.amazonaws.cloudwatch#" + e.shape, Message: e.message})
	if err == nil {
		_, _ = w.Write(body) // the client has gone: nobody is left to tell
	}
}

// errorShape is an error in the CBOR and JSON protocols.
type errorShape struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}
