package local

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"reflect"
)

// queryProtocol is AWS Query: a form in, XML out. Debian's AWS CLI speaks it to CloudWatch metrics,
// and everyone speaks it to STS and, in a dialect, to EC2.
type queryProtocol struct{}

// queryCall finds out which call a form is: Action names the operation, Version its service.
func queryCall(c *call) error {
	form, err := parseForm(c.body)
	if err != nil {
		return err
	}
	c.form, c.operation = form, form.text("Action")
	switch form.text("Version") {
	case "2010-08-01":
		c.service = "cloudwatch"
	case "2016-11-15":
		c.service = "ec2"
	case "2011-06-15":
		c.service = "sts"
	}
	return nil
}

func (queryProtocol) decode(c *call, into any) error {
	return c.form.into(reflect.ValueOf(into).Elem(), "")
}

func queryNamespace(service string) string {
	switch service {
	case "ec2":
		return "http://ec2.amazonaws.com/doc/2016-11-15/"
	case "sts":
		return "https://sts.amazonaws.com/doc/2011-06-15/"
	}
	return "http://monitoring.amazonaws.com/doc/2010-08-01/"
}

func (queryProtocol) succeed(w http.ResponseWriter, c *call, out any) error {
	body := newXMLBody(c)
	switch {
	case c.service == "ec2": // its dialect has no wrapper around the result
		body.text("requestId", c.requestID)
		body.members(reflect.ValueOf(out).Elem())
	default:
		if _, empty := out.(*nothing); !empty {
			body.open(c.operation + "Result")
			body.members(reflect.ValueOf(out).Elem())
			body.close(c.operation + "Result")
		}
		body.open("ResponseMetadata")
		body.text("RequestId", c.requestID)
		body.close("ResponseMetadata")
	}
	body.close(c.operation + "Response")
	w.Header().Set("Content-Type", "text/xml")
	_, err := w.Write(body.Bytes())
	return err
}

// queryError is the error document of the Query protocol, ec2Error that of EC2's dialect.
type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type ec2Error struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

func (queryProtocol) fail(w http.ResponseWriter, c *call, e *apiError) {
	var document any = queryError{Namespace: queryNamespace(c.service), Type: e.fault(), Code: e.code,
		Message: e.message, RequestID: c.requestID}
	if c.service == "ec2" {
		document = ec2Error{Code: e.code, Message: e.message, RequestID: c.requestID}
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(e.status)
	if body, err := xml.Marshal(document); err == nil {
		_, _ = fmt.Fprintf(w, "%s%s\n", xml.Header, body) // the client has gone: nobody is left to tell
	}
}
