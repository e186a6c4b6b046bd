package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// MaxParameter is the size of a parameter's value in characters: "Standard parameters have a value limit of 4 KB. Advanced
// parameters have a value limit of 8 KB" (PutParameter, docs.aws.amazon.com/systems-manager/latest/APIReference). The
// service counts characters: "support a maximum parameter value of 4096 characters".
const MaxParameter = 8192

// Parameters is SSM Parameter Store.
type Parameters struct{ account Account }

// Parameters is the account's.
func (a Account) Parameters() Parameters { return Parameters{a} }

// The shapes of the two operations: docs/decisions/0007 says why the SDK's client is not here.
type (
	getParameter struct {
		Name           string
		WithDecryption bool
	}
	gotParameter struct {
		Parameter *struct{ Value *string }
	}
	putParameter struct {
		Name, Value string
		Description string `json:",omitempty"`
		Type        string
		Tier        string
		Overwrite   bool
	}
	putParameterDone struct{ Version int64 }
)

// Get returns a parameter's value, decrypted. The name may end in a version ("name:3") and may be an ARN.
func (p Parameters) Get(ctx context.Context, name string) (string, error) {
	var got gotParameter
	err := p.call(ctx, "GetParameter", getParameter{Name: name, WithDecryption: true}, &got)
	if err == nil && (got.Parameter == nil || got.Parameter.Value == nil) {
		err = &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: errors.New("there is no parameter in the answer")}
	}
	if err != nil {
		return "", within(fmt.Sprintf("get parameter %q%s", name, p.where()), err)
	}
	return *got.Parameter.Value, nil
}

// Put makes a parameter of type String, or gives one that is there a new value. The service chooses its tier: one of more
// than 4096 characters becomes an advanced parameter, which is paid for and never becomes a standard one again.
func (p Parameters) Put(ctx context.Context, name, value, description string) error {
	operation := fmt.Sprintf("put parameter %q%s", name, p.where())
	if n := utf8.RuneCountInString(value); n > MaxParameter {
		return within(operation, &cloudwatch.Failure{Class: cloudwatch.Invalid, Err: fmt.Errorf("the value has %d characters, and Parameter Store "+
			"takes %d (split it over several parameters, and add the second with append-config)", n, MaxParameter)})
	}
	in := putParameter{Name: name, Value: value, Description: description, Type: "String", Tier: "Intelligent-Tiering", Overwrite: true}
	return within(operation, p.call(ctx, "PutParameter", in, new(putParameterDone)))
}

// where names the region in an operation.
func (p Parameters) where() string {
	if p.account.cfg.Region == "" {
		return ""
	}
	return " in " + p.account.cfg.Region
}

// call makes one call in AWS JSON 1.1.
func (p Parameters) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	region := p.account.cfg.Region
	if region == "" && p.account.configuredEndpoint(ctx, ssmService) != "" {
		region = anyRegion
	}
	got, err := p.account.send(ctx, byHand{to: ssmService, region: region, contentType: "application/x-amz-json-1.1",
		target: "AmazonSSM." + operation, body: body})
	if err != nil {
		return err
	}
	return readJSON(got, "ssm:"+operation, out)
}

// readJSON reads the answer of a JSON service, or the error that came instead.
func readJSON(got answer, permission string, out any) error {
	if got.status != http.StatusOK {
		var e struct {
			Type    string `json:"__type"`
			Code    string `json:"code"`
			Message string `json:"message"` // or Message: encoding/json takes both
		}
		_ = json.Unmarshal(got.raw, &e) // an answer that is no JSON has only its status
		return refusal(got.status, codeOf(got.header.Get("X-Amzn-ErrorType"), e.Type), e.Message, permission)
	}
	if err := json.Unmarshal(got.raw, out); err != nil {
		return &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: fmt.Errorf("unreadable answer: %w", err)}
	}
	return nil
}
