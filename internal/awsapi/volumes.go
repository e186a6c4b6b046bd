package awsapi

import (
	"context"
	"encoding/xml"
	"net/url"
)

// mostVolumePages bounds how often is asked for more: an instance has some 128 volumes at most, which fit into one answer.
const mostVolumePages = 10

// Volumes are the EBS volumes that are attached to the instance: their ids by the names they were attached under, such as
// /dev/sdf.
func (e *EC2) Volumes(ctx context.Context, i Instance) (map[string]string, error) {
	volumes := map[string]string{}
	for page, token := 0, ""; page == 0 || token != "" && page < mostVolumePages; page++ {
		form := url.Values{"Action": {"DescribeVolumes"}, "Filter.1.Name": {"attachment.instance-id"}, "Filter.1.Value.1": {i.ID}}
		if token != "" {
			form.Set("NextToken", token)
		}
		got, err := e.query(ctx, i, form)
		if err != nil {
			return nil, within(describeVolumes, err)
		}
		if token, err = parseVolumes(got.status, got.raw, i.ID, volumes); err != nil {
			return nil, err
		}
	}
	return volumes, nil
}

const describeVolumes = "describe volumes"

// parseVolumes adds what an answer of DescribeVolumes has of an instance. A volume may be attached to several.
func parseVolumes(status int, raw []byte, instance string, to map[string]string) (next string, err error) {
	var found struct {
		XMLName  xml.Name `xml:"DescribeVolumesResponse"`
		Attached []struct {
			Volume   string `xml:"volumeId"`
			Instance string `xml:"instanceId"`
			Device   string `xml:"device"`
		} `xml:"volumeSet>item>attachmentSet>item"`
		Next string `xml:"nextToken"`
	}
	if err := readAnswer(describeVolumes, status, raw, &found); err != nil {
		return "", err
	}
	for _, a := range found.Attached {
		if a.Instance == instance && a.Device != "" && a.Volume != "" {
			to[a.Device] = a.Volume
		}
	}
	return found.Next, nil
}
