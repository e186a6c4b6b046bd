package local

import (
	"context"
	"sort"
	"strconv"
)

// account is whose CloudWatch this is: an account id that AWS gives to nobody.
const account = "000000000000"

// region is where a call was signed for.
func (c *call) arn(resource string) string {
	return "arn:aws:logs:" + c.region + ":" + account + ":" + resource
}

// The shapes of EC2 DescribeTags; EC2 numbers its lists without "member".
type describeTagsInput struct {
	Filter []tagFilter
}

type tagFilter struct {
	Name  *string
	Value []string
}

type describeTagsOutput struct {
	TagSet []tagItem `json:"tagSet"`
}

type tagItem struct {
	ResourceID   string `json:"resourceId"`
	ResourceType string `json:"resourceType"`
	Key          string `json:"key"`
	Value        string `json:"value"`
}

// describeTags answers the server's tags for each resource id that the request filters by.
func (s *Server) describeTags(_ context.Context, _ *call, in *describeTagsInput) (*describeTagsOutput, error) {
	filters := make(map[string][]string)
	for i, f := range in.Filter {
		if f.Name == nil {
			return nil, refuse(400, "MissingParameter", "The request must contain the parameter Filter.%s.Name", strconv.Itoa(i+1))
		}
		filters[*f.Name] = append(filters[*f.Name], f.Value...)
	}
	allows := func(filter, value string) bool {
		wanted, filtered := filters[filter]
		if !filtered {
			return true
		}
		for _, w := range wanted {
			if w == value {
				return true
			}
		}
		return false
	}
	keys := make([]string, 0, len(s.Tags))
	for key := range s.Tags {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	out := &describeTagsOutput{TagSet: []tagItem{}}
	for _, resource := range filters["resource-id"] {
		for _, key := range keys {
			if allows("key", key) && allows("value", s.Tags[key]) && allows("resource-type", "instance") {
				out.TagSet = append(out.TagSet, tagItem{resource, "instance", key, s.Tags[key]})
			}
		}
	}
	return out, nil
}

// The shapes of EC2 DescribeVolumes, as far as they tell which volume is attached as what.
type describeVolumesInput struct {
	Filter []tagFilter
}

type describeVolumesOutput struct {
	VolumeSet []volumeItem `json:"volumeSet"`
}

type volumeItem struct {
	VolumeID      string           `json:"volumeId"`
	Status        string           `json:"status"`
	AttachmentSet []attachmentItem `json:"attachmentSet"`
}

type attachmentItem struct {
	VolumeID   string `json:"volumeId"`
	InstanceID string `json:"instanceId"`
	Device     string `json:"device"`
	Status     string `json:"status"`
}

// describeVolumes answers the server's volumes for each instance that the request filters by.
func (s *Server) describeVolumes(_ context.Context, _ *call, in *describeVolumesInput) (*describeVolumesOutput, error) {
	out := &describeVolumesOutput{VolumeSet: []volumeItem{}}
	devices := make([]string, 0, len(s.Volumes))
	for device := range s.Volumes {
		devices = append(devices, device)
	}
	sort.Strings(devices)
	for i, f := range in.Filter {
		if f.Name == nil {
			return nil, refuse(400, "MissingParameter", "The request must contain the parameter Filter.%s.Name", strconv.Itoa(i+1))
		}
		if *f.Name != "attachment.instance-id" {
			return nil, refuse(400, "InvalidParameterValue", "The filter '%s' is invalid", *f.Name)
		}
		for _, instance := range f.Value {
			for _, device := range devices {
				id := s.Volumes[device]
				out.VolumeSet = append(out.VolumeSet, volumeItem{id, "in-use", []attachmentItem{{id, instance, device, "attached"}}})
			}
		}
	}
	return out, nil
}
