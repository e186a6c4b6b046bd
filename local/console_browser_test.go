package local_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/nephoscope/nephoscope/local"
)

// browse opens headless Chromium; the context ends with the test, or after three minutes.
func browse(t *testing.T) context.Context {
	t.Helper()
	path := needs(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1280, 860))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, what string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// becomes waits until a JavaScript expression is true.
func becomes(t *testing.T, ctx context.Context, what, expression string) {
	t.Helper()
	var ok bool
	if err := chromedp.Run(ctx, chromedp.Poll(expression, &ok, chromedp.WithPollingTimeout(40*time.Second))); err != nil {
		var page string
		_ = chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 600)`, &page)) // only to say more
		t.Fatalf("%s: %v; the page says: %s", what, err, page)
	}
}

// shoot saves a picture of the page where NEPHOSCOPE_SCREENSHOTS says.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("NEPHOSCOPE_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	var picture []byte
	do(t, ctx, "take a screenshot", chromedp.CaptureScreenshot(&picture))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// fits: nothing is wider than the phone. (A phone's browser would zoom out, so that comparing with
// the window's own width proves nothing.)
const fits = `window.innerWidth === 360 && document.documentElement.scrollWidth <= 360`

const attack = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">`

// inhabit fills a server with a host's metrics of the last quarter of an hour and with a log.
func inhabit(t *testing.T, url string) *cloudwatchlogs.Client {
	t.Helper()
	ctx, now := context.Background(), time.Now()
	client := metricsClients(url)["CBOR"]
	random := rand.New(rand.NewPCG(1, 2))
	host := cwtypes.Dimension{Name: aws.String("host"), Value: aws.String("web-1")}
	var data []cwtypes.MetricDatum
	add := func(at time.Time, name string, unit cwtypes.StandardUnit, value float64, dimensions ...string) {
		d := cwtypes.MetricDatum{MetricName: &name, Unit: unit, Timestamp: &at, Value: &value,
			StorageResolution: aws.Int32(1), Dimensions: []cwtypes.Dimension{host}}
		for i := 0; i < len(dimensions); i += 2 {
			d.Dimensions = append(d.Dimensions, cwtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
		}
		data = append(data, d)
	}
	walk := []float64{22, 35, 28, 41}
	for s := 900; s >= 0; s -= 10 {
		at := now.Add(-time.Duration(s) * time.Second)
		wave := 8 * math.Sin(float64(s)/130)
		for i := range walk {
			walk[i] = math.Max(2, math.Min(95, walk[i]+random.NormFloat64()*3))
			add(at, "cpu_usage_active", "Percent", math.Max(1, walk[i]+wave), "cpu", fmt.Sprintf("cpu%d", i))
		}
		add(at, "mem_used_percent", "Percent", 61+wave/4+random.Float64())
		add(at, "mem_used", "Bytes", 2.4e9+wave*9e6)
		add(at, "diskio_write_bytes", "Bytes", math.Max(0, 4e5+wave*4e4+random.NormFloat64()*9e4), "name", "nvme0n1")
		add(at, "net_bytes_recv", "Bytes/Second", 9e5+wave*6e4+random.Float64()*2e5, "interface", "eth0")
		add(at, "disk_used_percent", "Percent", 47.2, "path", "/", "device", "nvme0n1p1", "fstype", "ext4")
		add(at, "disk_used_percent", "Percent", 12.9, "path", "/var/lib/very/long/mount/point/of/data", "device", "nvme1n1", "fstype", "xfs")
		add(at, "swap_used_percent", "Percent", 0)
		add(at, "statsd_request_time", "Milliseconds", 40+wave+random.ExpFloat64()*20, "service", "checkout")
	}
	for len(data) > 0 {
		n := min(1000, len(data))
		if _, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("CWAgent"), MetricData: data[:n]}); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	// A mistake, so that there is a refusal to see.
	if _, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("CWAgent"), MetricData: []cwtypes.MetricDatum{
		{MetricName: aws.String("m"), Value: aws.Float64(math.NaN())}}}); err == nil {
		t.Fatal("NaN was accepted")
	}

	logs := logsClient(url)
	for _, group := range []string{"/var/log/apache2/access", "/var/log/syslog"} {
		if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
			t.Fatal(err)
		}
		if _, err := logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("i-0a1b2c3d4e5f")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/var/log/apache2/access"), RetentionInDays: aws.Int32(30)}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	paths := []string{"/", "/products/42", "/cart", "/static/app.css", "/robots.txt", "/api/orders?page=2"}
	for i := range 400 {
		at := now.Add(-time.Duration(400-i) * time.Second)
		lines = append(lines, fmt.Sprintf(`203.0.113.%d - - [%s] "GET %s HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
			i%250, at.Format("02/Jan/2006:15:04:05 -0700"), paths[random.IntN(len(paths))], []int{200, 200, 200, 304, 404}[random.IntN(5)], 200+random.IntN(9000)))
	}
	putLines(t, logs, append(lines, attack)...)
	return logs
}

// putLines adds lines to the access log's stream, at the present time.
func putLines(t *testing.T, logs *cloudwatchlogs.Client, lines ...string) {
	t.Helper()
	put := &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("/var/log/apache2/access"), LogStreamName: aws.String("i-0a1b2c3d4e5f")}
	now := time.Now()
	for i, line := range lines {
		at := now.Add(time.Duration(i-len(lines)) * 700 * time.Millisecond).UnixMilli()
		if len(lines) == 1 {
			at = now.UnixMilli()
		}
		put.LogEvents = append(put.LogEvents, logtypes.InputLogEvent{Timestamp: &at, Message: aws.String(line)})
	}
	if _, err := logs.PutLogEvents(context.Background(), put); err != nil {
		t.Fatal(err)
	}
}

func TestABrowserSeesMetricsLogsAndAgents(t *testing.T) {
	ctx := browse(t)
	url := serve(t, new(local.Server))
	do(t, ctx, "open the console", chromedp.Navigate(url+"/"))
	becomes(t, ctx, "an empty server says what to do", `document.body.innerText.includes("Waiting for the first metric")`)
	shoot(t, ctx, "empty")
	logs := inhabit(t, url)

	do(t, ctx, "open the console", chromedp.Navigate(url+"/"))
	becomes(t, ctx, "the overview draws lines", `document.querySelectorAll(".mini path.line").length >= 8`)
	becomes(t, ctx, "a card with several lines counts series", `[...document.querySelectorAll(".mini footer")].some(e => e.textContent === "4 series")`)
	shoot(t, ctx, "overview-light")

	link := url + `/#/metrics?range=900`
	for cpu := range 4 {
		link += fmt.Sprintf(`&m=%%5B%%22CWAgent%%22,%%22cpu_usage_active%%22,%%5B%%22cpu%%22,%%22cpu%d%%22%%5D,%%5B%%22host%%22,%%22web-1%%22%%5D%%5D`, cpu)
	}
	do(t, ctx, "open a link to four metrics", chromedp.Navigate(link))
	becomes(t, ctx, "a deep link's chart has four lines of many points",
		`[...document.querySelectorAll(".body > .card path.line")].filter(p => p.getAttribute("d").split("L").length > 60).length === 4`)
	do(t, ctx, "hover over the chart", chromedp.MouseEvent("mouseMoved", 860, 300))
	becomes(t, ctx, "hovering reads out values", `!document.querySelector(".body .tip").hidden && document.querySelectorAll(".body .tip li b").length === 4`)
	shoot(t, ctx, "metrics-light")
	do(t, ctx, "choose a percentile", chromedp.SetValue(`select[aria-label=Statistic]`, "p99", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("select[aria-label=Statistic]").dispatchEvent(new Event("change"))`, nil))
	becomes(t, ctx, "the choice is in the link", `location.hash.includes("stat=p99") && document.querySelector(".note")?.innerText.startsWith("p99")`)

	do(t, ctx, "open the logs", chromedp.Navigate(url+"/#/logs?group=%2Fvar%2Flog%2Fapache2%2Faccess&stream=i-0a1b2c3d4e5f"))
	becomes(t, ctx, "a script in a line stays text", `[...document.querySelectorAll(".event .message")].some(e => e.textContent === `+"`"+attack+"`"+`) && !document.querySelector(".events script, .events img")`)
	putLines(t, logs, "203.0.113.9 - - the newest line, live")
	becomes(t, ctx, "a new line shows up live", `[...document.querySelectorAll(".event.new .message")].some(e => e.textContent.endsWith("the newest line, live"))`)
	shoot(t, ctx, "logs-light")
	do(t, ctx, "search", chromedp.Navigate(url+`/#/logs?group=%2Fvar%2Flog%2Fapache2%2Faccess&q=%22+404+%22+-robots`))
	becomes(t, ctx, "a search narrows and marks", `document.querySelectorAll(".event").length > 5 && [...document.querySelectorAll(".event .message")].every(e => e.textContent.includes(" 404 ") && !e.textContent.includes("robots")) && document.querySelectorAll("mark").length > 5`)
	shoot(t, ctx, "search-light")

	do(t, ctx, "open the agents", chromedp.Navigate(url+"/#/agents"))
	becomes(t, ctx, "the SDK is seen with its data and its mistake", `document.querySelector(".agent") && document.body.innerText.includes("InvalidParameterValue") && document.body.innerText.includes("Last PutMetricData")`)
	shoot(t, ctx, "agents-light")
	var title string
	do(t, ctx, "read the title", chromedp.Title(&title))
	if strings.Contains(title, "owned") {
		t.Error("a script in a log line ran")
	}
}

func TestThePageFitsAPhoneAndTheDark(t *testing.T) {
	ctx := browse(t)
	url := serve(t, new(local.Server))
	inhabit(t, url)
	pages := map[string]string{
		"overview": "/#/metrics", "agents": "/#/agents", "logs": "/#/logs?group=%2Fvar%2Flog%2Fapache2%2Faccess",
		"metrics": `/#/metrics?m=%5B%22CWAgent%22,%22disk_used_percent%22,%5B%22device%22,%22nvme1n1%22%5D,%5B%22fstype%22,%22xfs%22%5D,%5B%22host%22,%22web-1%22%5D,%5B%22path%22,%22%2Fvar%2Flib%2Fvery%2Flong%2Fmount%2Fpoint%2Fof%2Fdata%22%5D%5D`,
	}
	ready := map[string]string{"overview": `document.querySelectorAll(".mini path.line").length >= 8`, "agents": `document.querySelector(".agent")`,
		"logs": `document.querySelectorAll(".event").length > 100`, "metrics": `document.querySelector(".body path.line")`}
	dark := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}})
	do(t, ctx, "turn the light off", dark)
	for name, path := range pages {
		do(t, ctx, "open "+name, chromedp.EmulateViewport(1280, 860), chromedp.Navigate("about:blank"), chromedp.Navigate(url+path))
		becomes(t, ctx, name+" is drawn", `Boolean(`+ready[name]+`)`)
		becomes(t, ctx, name+" is dark", `getComputedStyle(document.body).backgroundColor === "rgb(13, 17, 23)"`)
		shoot(t, ctx, name+"-dark")
		do(t, ctx, "become a phone", chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2), chromedp.EmulateMobile))
		becomes(t, ctx, name+" fits 360 pixels", fits)
		shoot(t, ctx, name+"-phone")
	}
}

func TestTheBrowserIsToldOfWhatIsNotThere(t *testing.T) {
	ctx := browse(t)
	url := serve(t, new(local.Server))
	logs := inhabit(t, url)
	do(t, ctx, "open a link to a metric that there is not", chromedp.Navigate(url+`/#/metrics?m=%5B%22CWAgent%22,%22no_such%22,%5B%22host%22,%22web-1%22%5D%5D`))
	becomes(t, ctx, "it says so", `document.querySelector(".body .empty")?.innerText.includes("There is no such metric") && document.querySelector(".body .empty code")?.innerText === "CWAgent no_such host=web-1" && document.querySelector(".bar h1").innerText.trim() === "1 metric"`)
	do(t, ctx, "open a log group that there is not", chromedp.Navigate("about:blank"), chromedp.Navigate(url+`/#/logs?group=%2Flater`))
	becomes(t, ctx, "it is not live", `document.querySelector(".events .empty")?.innerText.includes("/later") && document.querySelector(".log .bar button")?.disabled && document.querySelector(".log .bar button")?.getAttribute("aria-pressed") === "false"`)
	if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/later")}); err != nil {
		t.Fatal(err)
	}
	becomes(t, ctx, "it is live when there is one", `document.querySelector(".log .bar button")?.getAttribute("aria-pressed") === "true" && document.querySelector(".events .empty")?.innerText.includes("No events yet")`)
}

func TestLateEventsStandWhereTheirTimeBelongs(t *testing.T) {
	ctx := browse(t)
	url := serve(t, new(local.Server))
	logs := logsClient(url)
	group, stream := aws.String("g"), aws.String("s")
	if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	if _, err := logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	put := func(message string, ago time.Duration) {
		t.Helper()
		at := now.Add(-ago).UnixMilli()
		if _, err := logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
			LogEvents: []logtypes.InputLogEvent{{Timestamp: &at, Message: &message}}}); err != nil {
			t.Fatal(err)
		}
	}
	put("five", 0)
	put("three", time.Minute)
	do(t, ctx, "open the log", chromedp.Navigate(url+"/#/logs?group=g"))
	becomes(t, ctx, "it is live", `document.querySelector(".log .bar button")?.getAttribute("aria-pressed") === "true" && document.querySelectorAll(".event").length === 2`)
	put("four", 30*time.Second)
	put("one", 72*time.Hour)
	put("two", 72*time.Hour-time.Second)
	put("six", 0)
	becomes(t, ctx, "all are in the order of time", `[...document.querySelectorAll(".event .message")].map(e => e.textContent).join() === "one,two,three,four,five,six"`)
	becomes(t, ctx, "each day has one heading", `(() => { const days = [...document.querySelectorAll(".day")].map(e => e.textContent); return days.length === new Set(days).size && days.length === new Set([...document.querySelectorAll(".event")].map(e => e.dataset.day)).size; })()`)
}

// A phone's charts tell when, and its search boxes what to write.
func TestAPhoneHasLabelsAndWholePlaceholders(t *testing.T) {
	ctx := browse(t)
	url := serve(t, new(local.Server))
	inhabit(t, url)
	const placeholders = `[...document.querySelectorAll("input[type=search]")].every(input => {
		const style = getComputedStyle(input), pen = document.createElement("canvas").getContext("2d");
		pen.font = style.font;
		return pen.measureText(input.placeholder).width <= input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
	})`
	const labels = `(() => { const charts = [...document.querySelectorAll(".chart svg")].filter(c => c.querySelector("path.line, text"));
		return charts.length > 0 && charts.every(c => {
			const labels = [...c.querySelectorAll("text.time")].map(l => l.getBoundingClientRect()), edge = c.getBoundingClientRect();
			return labels.length >= 2 && labels.every((l, i) => l.right <= edge.right + 1 && (i === 0 || l.left > labels[i-1].right));
		}); })()`
	cpu := `&m=%5B%22CWAgent%22,%22cpu_usage_active%22,%5B%22cpu%22,%22cpu0%22%5D,%5B%22host%22,%22web-1%22%5D%5D`
	for _, seconds := range []int{300, 900, 3600, 10800, 43200, 86400, 604800} {
		for _, chosen := range []string{"", cpu} {
			do(t, ctx, "open a chart", chromedp.EmulateViewport(380, 740, chromedp.EmulateScale(2), chromedp.EmulateMobile), chromedp.Navigate("about:blank"),
				chromedp.Navigate(fmt.Sprintf("%s/#/metrics?range=%d%s", url, seconds, chosen)))
			becomes(t, ctx, fmt.Sprintf("%d s %s has labels", seconds, chosen), labels)
		}
	}
	becomes(t, ctx, "the search of metrics is whole", placeholders)
	do(t, ctx, "open the logs", chromedp.Navigate(url+"/#/logs?group=%2Fvar%2Flog%2Fapache2%2Faccess"))
	becomes(t, ctx, "the search of logs is whole", `document.querySelector(".query") && `+placeholders)
	shoot(t, ctx, "logs-380")
}
