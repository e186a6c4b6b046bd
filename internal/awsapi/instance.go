package awsapi

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// groupTag is the tag that an Auto Scaling group puts on its instances.
const groupTag = "aws:autoscaling:groupName"

// Instance is the EC2 instance that this host is.
type Instance struct {
	ID, Type, ImageID, Region, AccountID, PrivateIP string
	Hostname                                        string // as EC2 knows it; "" if it does not say
}

// EC2 asks the instance metadata service, and the EC2 API for what that does not tell.
type EC2 struct {
	account  Account
	metadata *imds.Client
}

// EC2 makes a client of the metadata service (IMDSv2; AWS_EC2_METADATA_SERVICE_ENDPOINT is honoured) and of the EC2 API.
func (a Account) EC2() *EC2 {
	return &EC2{a, imds.NewFromConfig(a.cfg, func(o *imds.Options) { o.DisableDefaultMaxBackoff = true })} // metadataRetryer has its own
}

// Instance reads the identity document. A failure is of class Unavailable: there is no metadata service, or not yet.
func (e *EC2) Instance(ctx context.Context) (Instance, error) {
	doc, err := e.metadata.GetInstanceIdentityDocument(ctx, nil)
	if err != nil {
		return Instance{}, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: fmt.Errorf("read instance identity: %w", err)}
	}
	i := Instance{ID: doc.InstanceID, Type: doc.InstanceType, ImageID: doc.ImageID, Region: doc.Region, AccountID: doc.AccountID, PrivateIP: doc.PrivateIP}
	if i.ID == "" {
		return Instance{}, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: errors.New("read instance identity: the document names no instance")}
	}
	i.Hostname, _ = e.text(ctx, "hostname")
	return i, nil
}

func (e *EC2) text(ctx context.Context, path string) (string, error) {
	out, err := e.metadata.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	defer out.Content.Close()
	raw, err := io.ReadAll(io.LimitReader(out.Content, maxAnswer))
	return strings.TrimSpace(string(raw)), err
}

// AutoScalingGroup finds the group that the instance belongs to: from the instance's tags in the metadata service, where
// they are enabled, else by DescribeTags. "" without an error: it belongs to none.
func (e *EC2) AutoScalingGroup(ctx context.Context, i Instance) (string, error) {
	if name, err := e.text(ctx, "tags/instance/"+groupTag); err == nil && name != "" {
		return name, nil
	}
	_, listed := e.text(ctx, "tags/instance")
	name, err := e.describeTag(ctx, i, groupTag)
	if err != nil && listed == nil && cloudwatch.ClassOf(err) == cloudwatch.Denied {
		return "", nil // the metadata service listed the tags, and it is not among them
	}
	return name, err
}

// describeTag reads one tag of the instance by DescribeTags. Two calls are not worth the SDK's EC2 client: see
// docs/decisions/0003.
func (e *EC2) describeTag(ctx context.Context, i Instance, key string) (string, error) {
	got, err := e.query(ctx, i, url.Values{
		"Action":        {"DescribeTags"},
		"Filter.1.Name": {"resource-id"}, "Filter.1.Value.1": {i.ID},
		"Filter.2.Name": {"key"}, "Filter.2.Value.1": {key},
	})
	if err != nil {
		return "", within("describe tags", err)
	}
	return parseTag(got.status, got.raw, key)
}

// query sends a request of the EC2 API, which is a form.
func (e *EC2) query(ctx context.Context, i Instance, form url.Values) (answer, error) {
	form.Set("Version", "2016-11-15")
	return e.account.send(ctx, byHand{to: ec2Service, region: i.Region,
		contentType: "application/x-www-form-urlencoded; charset=utf-8", body: []byte(form.Encode())})
}

// readAnswer reads an answer of the EC2 API into a document, or the error that came instead.
func readAnswer(operation string, status int, raw []byte, document any) error {
	if status != http.StatusOK {
		var refusal struct {
			Code    string `xml:"Errors>Error>Code"`
			Message string `xml:"Errors>Error>Message"`
		}
		_ = xml.Unmarshal(raw, &refusal) // an answer that is no XML has only its status
		class, known := classOfCode(refusal.Code)
		if !known {
			class = classOfStatus(status)
		}
		return &cloudwatch.Failure{Class: class, Err: fmt.Errorf("%s: HTTP %d: %w", operation, status, &smithy.GenericAPIError{Code: refusal.Code, Message: refusal.Message})}
	}
	if err := xml.Unmarshal(raw, document); err != nil {
		return &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: fmt.Errorf("%s: unreadable answer: %w", operation, err)}
	}
	return nil
}

// parseTag reads the answer of DescribeTags, or the error that came instead.
func parseTag(status int, raw []byte, key string) (string, error) {
	var tags struct {
		XMLName xml.Name `xml:"DescribeTagsResponse"`
		Items   []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"tagSet>item"`
	}
	if err := readAnswer("describe tags", status, raw, &tags); err != nil {
		return "", err
	}
	for _, t := range tags.Items {
		if t.Key == key {
			return t.Value, nil
		}
	}
	return "", nil
}
