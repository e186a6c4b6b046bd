package cloudwatch

// Amount is how much of a log: events, and the bytes of the file that they stand for.
type Amount struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

// Add adds an amount.
func (a *Amount) Add(b Amount) {
	a.Events += b.Events
	a.Bytes += b.Bytes
}

// Sub takes an amount off.
func (a *Amount) Sub(b Amount) {
	a.Events -= b.Events
	a.Bytes -= b.Bytes
}

// Verdict is what the service took a batch without, by its reason. The zero value: it took everything.
type Verdict struct {
	TooNew  Amount `json:"too_new"` // more than two hours ahead
	TooOld  Amount `json:"too_old"` // more than 14 days
	Expired Amount `json:"expired"` // older than the group's retention
	Invalid Amount `json:"invalid"` // called invalid when sent alone
}

// Sum is all of it.
func (v Verdict) Sum() (sum Amount) {
	for _, a := range []Amount{v.TooNew, v.TooOld, v.Expired, v.Invalid} {
		sum.Add(a)
	}
	return sum
}

// Add adds a verdict.
func (v *Verdict) Add(w Verdict) {
	v.TooNew.Add(w.TooNew)
	v.TooOld.Add(w.TooOld)
	v.Expired.Add(w.Expired)
	v.Invalid.Add(w.Invalid)
}
