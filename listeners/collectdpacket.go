package listeners

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The binary protocol of collectd (collectd.org/wiki/index.php/Binary_protocol): parts of a type, a length and a payload,
// each of which holds for the values behind it until there is another of its type.
const (
	partHost           = 0x0000
	partTime           = 0x0001 // seconds
	partPlugin         = 0x0002
	partPluginInstance = 0x0003
	partType           = 0x0004
	partTypeInstance   = 0x0005
	partValues         = 0x0006
	partTimeHR         = 0x0008 // 2^-30 s
	partMessage        = 0x0100 // of a notification
	partSignature      = 0x0200
	partEncryption     = 0x0210
)

// security is how sure it is who has sent something. They are ordered.
type security byte

const (
	plain security = iota
	signedPart
	encrypted
)

// valueList is values of one moment, as they are sent; its bytes are those of the packet.
type valueList struct {
	host, plugin, pluginInstance, of, typeInstance []byte // of: collectd's type
	at                                             time.Time
	level                                          security
	kinds, values                                  []byte // one and eight bytes each
}

// value is the i-th. Counters and such are what they are at the moment: nothing is made of the difference.
func (l *valueList) value(i int) float64 {
	raw := l.values[8*i:]
	switch l.kinds[i] {
	case 1: // a gauge: x86 order
		return math.Float64frombits(binary.LittleEndian.Uint64(raw))
	case 2: // derived
		return float64(int64(binary.BigEndian.Uint64(raw)))
	}
	return float64(binary.BigEndian.Uint64(raw)) // a counter, or absolute
}

var (
	errMalformed = errors.New("malformed")
	errUser      = errors.New("unknown user")
	errPassword  = errors.New("wrong password")
)

// packetReader reads datagrams of collectd. It allocates nothing but what the ciphers need.
type packetReader struct {
	password  func(user string) (password string, known bool)
	unsigned  bool // what is signed by nobody that is known is as good as what is not signed
	values    func(*valueList)
	notice    func()
	plaintext []byte
}

// read calls values for each list of values, and notice for each notification, up to where the packet makes no sense.
func (r *packetReader) read(packet []byte) error {
	return r.parts(packet, plain, true)
}

// parts reads parts; only at the top may some be signed or encrypted.
func (r *packetReader) parts(b []byte, level security, top bool) error {
	l := valueList{level: level}
	for len(b) > 0 {
		if len(b) < 4 {
			return errMalformed
		}
		kind, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if length < 4 || length > len(b) {
			return errMalformed
		}
		payload := b[4:length]
		b = b[length:]
		if kind == partSignature && top && l.level == plain {
			known, err := r.verify(payload, b)
			if err != nil {
				return err
			}
			if known {
				l = valueList{level: signedPart} // and so is all the rest; what was before it is nobody's word
			}
			top = false
			continue
		}
		if kind == partEncryption && top {
			text, err := r.decrypt(payload)
			if err != nil {
				return err
			}
			if err := r.parts(text, encrypted, false); err != nil {
				return err
			}
			continue
		}
		if err := r.part(&l, kind, payload); err != nil {
			return err
		}
	}
	return nil
}

func (r *packetReader) part(l *valueList, kind uint16, payload []byte) error {
	text := func(into *[]byte) error {
		last := len(payload) - 1
		if last < 0 || bytes.IndexByte(payload, 0) != last { // else it is two texts in one
			return errMalformed
		}
		*into = payload[:last]
		return nil
	}
	switch kind {
	case partHost:
		return text(&l.host)
	case partPlugin:
		return text(&l.plugin)
	case partPluginInstance:
		return text(&l.pluginInstance)
	case partType:
		return text(&l.of)
	case partTypeInstance:
		return text(&l.typeInstance)
	case partTime, partTimeHR:
		if len(payload) != 8 {
			return errMalformed
		}
		n := binary.BigEndian.Uint64(payload)
		if kind == partTime {
			l.at = time.Unix(int64(min(n, 1<<40)), 0)
		} else {
			l.at = time.Unix(int64(n>>30), int64((n&(1<<30-1))*1e9>>30))
		}
	case partValues:
		if len(payload) < 2 {
			return errMalformed
		}
		n := int(binary.BigEndian.Uint16(payload))
		if n == 0 || len(payload) != 2+9*n {
			return errMalformed
		}
		l.kinds, l.values = payload[2:2+n], payload[2+n:]
		for _, k := range l.kinds {
			if k > 3 {
				return errMalformed
			}
		}
		r.values(l)
	case partMessage:
		r.notice()
	case partSignature, partEncryption: // within another
		return errMalformed
	}
	return nil // parts that are not known, and the interval, mean nothing here
}

// verify checks a signature over the name of who signed and what follows. Known is false if that is nobody, which may do.
func (r *packetReader) verify(payload, signed []byte) (known bool, err error) {
	if len(payload) <= sha256.Size {
		return false, errMalformed
	}
	user := payload[sha256.Size:]
	password, known := r.password(string(user))
	if !known {
		if r.unsigned {
			return false, nil
		}
		return false, errUser
	}
	mac := hmac.New(sha256.New, []byte(password))
	mac.Write(user)
	mac.Write(signed)
	if !hmac.Equal(mac.Sum(nil), payload[:sha256.Size]) {
		return false, errPassword
	}
	return true, nil
}

// decrypt makes plain what was encrypted by AES-256 in OFB mode: the name of who did it, a vector to begin with, and behind
// it, encrypted, the SHA-1 of the rest, and the rest. It is good until the next call.
func (r *packetReader) decrypt(payload []byte) ([]byte, error) {
	if len(payload) < 2 {
		return nil, errMalformed
	}
	length := int(binary.BigEndian.Uint16(payload))
	payload = payload[2:]
	if len(payload) < length+aes.BlockSize+sha1.Size {
		return nil, errMalformed
	}
	password, known := r.password(string(payload[:length]))
	if !known {
		return nil, errUser
	}
	key := sha256.Sum256([]byte(password))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	var stream [aes.BlockSize]byte
	copy(stream[:], payload[length:])
	r.plaintext = append(r.plaintext[:0], payload[length+aes.BlockSize:]...)
	for i := range r.plaintext {
		if i%aes.BlockSize == 0 {
			block.Encrypt(stream[:], stream[:])
		}
		r.plaintext[i] ^= stream[i%aes.BlockSize]
	}
	text := r.plaintext[sha1.Size:]
	if sum := sha1.Sum(text); !hmac.Equal(sum[:], r.plaintext[:sha1.Size]) {
		return nil, errPassword
	}
	return text, nil
}
