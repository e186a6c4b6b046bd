package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"
)

// jsonProtocol is AWS JSON 1.0 and 1.1: POST /, the operation in X-Amz-Target, an object each way.
// CloudWatch Logs and Systems Manager speak nothing else.
type jsonProtocol struct{}

const (
	logsTarget = "Logs_20140328"
	ssmTarget  = "AmazonSSM"
)

func jsonOperation(target string) (service, operation string) {
	service, operation, _ = strings.Cut(target, ".")
	switch service {
	case logsTarget:
		service = "logs"
	case cloudWatchTarget:
		service = "cloudwatch"
	case ssmTarget:
		service = "ssm"
	}
	return service, operation
}

func (jsonProtocol) decode(c *call, into any) error {
	if len(c.body) == 0 {
		return nil
	}
	// encoding/json would mend broken UTF-8 and take a member in another case. The service does
	// neither, and whoever writes requests by hand wants to know.
	if !utf8.Valid(c.body) {
		return errors.New("decode JSON: the body is not UTF-8")
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	return checkCase(c.body, reflect.TypeOf(into).Elem())
}

func (jsonProtocol) succeed(w http.ResponseWriter, c *call, out any) error {
	w.Header().Set("Content-Type", "application/x-amz-json-"+c.version)
	if _, empty := out.(*nothing); empty {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	_, err = w.Write(body)
	return err
}

func (jsonProtocol) fail(w http.ResponseWriter, c *call, e *apiError) {
	shape := e.shape
	if c.service == "cloudwatch" {
		shape = "com.amazonaws.cloudwatch#" + shape
		w.Header().Set("X-Amzn-Query-Error", e.code+";"+e.fault())
	}
	w.Header().Set("Content-Type", "application/x-amz-json-"+c.version)
	w.WriteHeader(e.status)
	body, err := json.Marshal(errorShape{Type: shape, Message: e.message})
	if err == nil {
		_, _ = w.Write(body) // the client has gone: nobody is left to tell
	}
}
