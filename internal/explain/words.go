package explain

import (
	"fmt"
	"time"
)

func dollars(d float64) string { return fmt.Sprintf("$%.2f", d) }

// thousands is a whole number with commas.
func thousands(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func requestsText(n float64) string {
	if text := thousands(n); text != "1" {
		return text + " requests"
	}
	return "1 request"
}

// ageText is a duration in its largest unit.
func ageText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

func secondsOf(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func secondsText(s float64) string { return fmt.Sprintf("%.0fs", s) }

// cut makes a text one line.
func cut(text string) string {
	const most = columns - 2
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
