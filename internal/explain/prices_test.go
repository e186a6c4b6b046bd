package explain

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func defaults(t *testing.T) Prices {
	t.Helper()
	p, err := DefaultPrices()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// about tells whether two sums of money, or amounts, are the same but for rounding.
func about(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1) }

func TestSeriesArePricedByTiers(t *testing.T) {
	t.Parallel()
	p := defaults(t)
	f := func(series, want float64) {
		t.Helper()
		if got := p.metrics(series); !about(got, want) {
			t.Errorf("%v series: got %v, want %v", series, got, want)
		}
	}
	f(0, 0)
	f(1, 0.30)
	f(60, 18)
	f(10_000, 3000)
	f(10_001, 3000.10)
	f(250_000, 3000+24_000)
	f(250_001, 27_000.05)
	f(1_000_000, 27_000+37_500)
	f(2_000_000, 64_500+20_000)
}

func TestRequestsArePricedByTheThousand(t *testing.T) {
	t.Parallel()
	if got := defaults(t).requests(43_200); !about(got, 0.432) {
		t.Errorf("got %v", got)
	}
}

func TestTableOfPricesIsChecked(t *testing.T) {
	t.Parallel()
	whole := string(embedded)
	f := func(name, from, to, want string) {
		t.Helper()
		src := strings.Replace(whole, from, to, 1)
		if src == whole {
			t.Fatalf("%s: nothing to replace", name)
		}
		if _, err := parsePrices("p.json", []byte(src)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "p.json") {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	f("unknown key", `"date"`, `"dat"`, `p.json:3:`)
	f("not JSON", `"currency": "USD",`, `"currency": "USD"`, `p.json:5:`)
	f("a text for a number", `0.03`, `"0.03"`, `p.json:`)
	f("no date", `"2026-02-28"`, `""`, "region and date")
	f("negative", `"log_storage_gb_month": 0.03`, `"log_storage_gb_month": -1`, "log_storage_gb_month: must not be negative")
	f("tiers that go down", `"up_to": 250000`, `"up_to": 2500`, "metric_month[1].up_to")
	f("a last tier with an end", `{"each": 0.02}`, `{"up_to": 5000000, "each": 0.02}`, "the last tier must have no end")
	f("a class that is missing", `"INFREQUENT_ACCESS"`, `"RARE"`, "INFREQUENT_ACCESS is missing")
	f("more than all is stored", `"stored_share": 0.15`, `"stored_share": 1.5`, "stored_share")
	f("two documents", `"free"`, `"free": {}} {"free"`, "more than one")
}

func TestPricesOfTheUser(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(path, []byte(strings.Replace(string(embedded), "us-east-1", "eu-west-1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPrices(path); err != nil || p.Region != "eu-west-1" {
		t.Errorf("got %s, %v", p.Region, err)
	}
	if _, err := ReadPrices(path + ".missing"); err == nil {
		t.Error("a table that is not there is read")
	}
}

func TestDocumentedTableIsTheOneThatIsBuiltIn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(doc), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	if block != string(embedded) {
		t.Errorf("docs/explain.md shows\n%s", block)
	}
}
