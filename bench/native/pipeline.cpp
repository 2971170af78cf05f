// The seven-stage pipeline of docs/timing.md (ou-bit order, serial slices) as a discrete-event simulation on std::priority_queue: one event a
// firing, queues with credits, zero flags from the activation codes. Counterpart of the event engine with values off.
// Argument: file of int32 words written by bench/pipeline.ts. Prints seconds, cycles, activations, then busy and blocked of every stage.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <queue>
#include <vector>

enum { kCache, kLoad, kSkip, kCim, kAdc, kBenes, kShiftAdd, kStages };

struct Item {
  int32_t window;
  int32_t pass;
  int32_t ou;
  uint8_t flags;
  uint8_t plane;
  uint8_t slice;
};

struct Timing {
  int32_t latency, depth, queue, streaming;
};

struct Layer {
  int32_t planes, slices, polarities, portBits, rowsPerCycle, skipInterval, cimInterval, adcs, conversion, benesInterval,
      shiftAddInterval;
  Timing timing[kStages];
  int32_t passes, macros, rows;
  std::vector<int32_t> windowStart, unionRows, rowStart, rowOf, outputs, groupFirst, groupEnd;
  std::vector<uint8_t> codes;
};

struct Event {
  int64_t cycle;
  int64_t sequence;
  int32_t stage;
};
struct Later {
  bool operator()(const Event& a, const Event& b) const {
    return a.cycle != b.cycle ? a.cycle > b.cycle : a.sequence > b.sequence;
  }
};

struct Station {
  std::vector<Item> items;
  std::vector<int64_t> arrivals;
  size_t mask = 0, head = 0, queued = 0;
  int32_t k = 0, firings = 0, credits = 0;
  bool waiting = false, scheduled = false;
  Item item{};
  int64_t freeAt = 0, readyAt = 0, busy = 0, blocked = 0, end = 0;
};

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Macro {
 public:
  Macro(const Layer& layer, int32_t macro, std::vector<int64_t>& pulses) : layer_(layer), pulses_(pulses) {
    for (size_t g = macro; g < layer.groupFirst.size(); g += layer.macros) groups_.push_back(g);
    for (int s = 0; s < kStages; s++) {
      if (s < kStages - 1) stations[s].credits = capacity(s);
      size_t ring = 1;
      while (s > 0 && ring < static_cast<size_t>(capacity(s - 1))) ring *= 2;
      stations[s].items.resize(ring);
      stations[s].arrivals.resize(ring);
      stations[s].mask = ring - 1;
    }
    if (!groups_.empty()) window_ = layer.groupFirst[groups_[0]];
  }

  void run() {
    scheduleNext(0);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      wake(event.stage, event.cycle);
    }
  }

  Station stations[kStages];
  int64_t activations = 0;

 private:
  int32_t capacity(int s) const { return layer_.timing[s].queue + layer_.timing[s].depth; }

  void schedule(int s, int64_t cycle) {
    stations[s].scheduled = true;
    events_.push({cycle, sequence_++, s});
  }

  void wake(int s, int64_t now) {
    Station& st = stations[s];
    st.scheduled = false;
    if (st.k == st.firings) {
      if (s == 0) {
        if (!nextWindow(st.item)) return;
      } else {
        st.item = st.items[st.head];
      }
      st.k = 0;
      st.firings = begin(s, st.item);
    }
    if (s < kShiftAdd && !(s == kSkip && st.item.flags == 0)) {
      if (st.credits == 0) {
        st.waiting = true;
        return;
      }
      st.waiting = false;
      st.credits--;
      st.blocked += now - st.readyAt;
    }
    const int64_t interval = intervalOf(s, st);
    Item out;
    const bool emits = fire(s, st, out);
    st.busy += interval;
    st.freeAt = now + interval;
    const int64_t done = now + std::max<int64_t>(interval, layer_.timing[s].latency);
    st.end = std::max(st.end, done);
    if (emits) push(s + 1, out, layer_.timing[s].streaming ? now + layer_.timing[s].latency : done);
    st.k++;
    if (st.k == st.firings && s > 0) {
      st.head = (st.head + 1) & st.mask;
      st.queued--;
      Station& up = stations[s - 1];
      up.credits++;
      if (up.waiting && !up.scheduled) schedule(s - 1, now);
    }
    scheduleNext(s);
  }

  void scheduleNext(int s) {
    Station& st = stations[s];
    int64_t ready = st.freeAt;
    if (st.k == st.firings && s > 0) {
      if (st.queued == 0) return;
      ready = std::max(ready, st.arrivals[st.head]);
    }
    st.readyAt = ready;
    schedule(s, ready);
  }

  void push(int s, const Item& item, int64_t arrival) {
    Station& st = stations[s];
    const size_t tail = (st.head + st.queued) & st.mask;
    st.items[tail] = item;
    st.arrivals[tail] = arrival;
    st.queued++;
    if (st.queued > 1 || st.scheduled || st.k != st.firings) return;
    st.readyAt = std::max(arrival, st.freeAt);
    schedule(s, st.readyAt);
  }

  bool nextWindow(Item& item) {
    if (group_ >= groups_.size()) return false;
    item = Item{window_, pass_, 0, 0, 0, 0};
    if (++window_ == layer_.groupEnd[groups_[group_]]) {
      if (++pass_ == layer_.passes) {
        pass_ = 0;
        group_++;
      }
      if (group_ < groups_.size()) window_ = layer_.groupFirst[groups_[group_]];
    }
    return true;
  }

  int32_t begin(int s, const Item& item) {
    switch (s) {
      case kLoad:
        return layer_.windowStart[item.window + 1] - layer_.windowStart[item.window];
      case kSkip:
        rest_ = item.flags;
        return rest_ == 0 ? 1 : __builtin_popcount(rest_);
      case kCim:
        return layer_.slices;
      default:
        return 1;
    }
  }

  int64_t intervalOf(int s, const Station& st) const {
    switch (s) {
      case kCache:
        return std::max<int64_t>(1, ceilDiv(int64_t{8} * layer_.unionRows[st.item.window], layer_.portBits));
      case kLoad: {
        const int32_t ou = layer_.windowStart[st.item.window] + st.k;
        return ceilDiv(layer_.rowStart[ou + 1] - layer_.rowStart[ou], layer_.rowsPerCycle);
      }
      case kSkip:
        return layer_.skipInterval;
      case kCim:
        return layer_.cimInterval;
      case kAdc:
        return ceilDiv(layer_.outputs[st.item.ou] * layer_.polarities, layer_.adcs) * layer_.conversion;
      case kBenes:
        return layer_.benesInterval;
      default:
        return layer_.shiftAddInterval;
    }
  }

  bool fire(int s, const Station& st, Item& out) {
    out = st.item;
    switch (s) {
      case kLoad:
        out.ou = layer_.windowStart[out.window] + st.k;
        out.flags = inspect(out.ou, out.pass);
        return true;
      case kSkip:
        if (rest_ == 0) return false;
        out.plane = __builtin_ctz(rest_);
        rest_ &= rest_ - 1;
        return true;
      case kCim:
        out.slice = st.k;
        return true;
      case kAdc:
        activations++;
        return true;
      case kShiftAdd:
        return false;
      default:
        return true;
    }
  }

  uint8_t inspect(int32_t ou, int32_t pass) {
    const uint8_t* codes = layer_.codes.data() + static_cast<size_t>(pass) * layer_.rows;
    uint8_t flags = 0;
    for (int32_t i = layer_.rowStart[ou]; i < layer_.rowStart[ou + 1]; i++) {
      const uint8_t code = codes[layer_.rowOf[i]];
      flags |= code;
      pulses_[i] += __builtin_popcount(code);
    }
    return flags;
  }

  const Layer& layer_;
  std::vector<int64_t>& pulses_;
  std::vector<size_t> groups_;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  int64_t sequence_ = 0;
  size_t group_ = 0;
  int32_t pass_ = 0, window_ = 0, rest_ = 0;
};

static bool read(const char* path, Layer& layer) {
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  auto word = [file] {
    int32_t value = 0;
    if (std::fread(&value, 4, 1, file) != 1) value = -1;
    return value;
  };
  auto words = [&word] {
    std::vector<int32_t> values(word());
    for (auto& value : values) value = word();
    return values;
  };
  for (int32_t* field : {&layer.planes, &layer.slices, &layer.polarities, &layer.portBits, &layer.rowsPerCycle, &layer.skipInterval,
                         &layer.cimInterval, &layer.adcs, &layer.conversion, &layer.benesInterval, &layer.shiftAddInterval})
    *field = word();
  for (auto& t : layer.timing) t = {word(), word(), word(), word()};
  layer.passes = word();
  layer.macros = word();
  layer.rows = word();
  for (auto* list : {&layer.windowStart, &layer.unionRows, &layer.rowStart, &layer.rowOf, &layer.outputs, &layer.groupFirst,
                     &layer.groupEnd})
    *list = words();
  const auto codes = words();
  layer.codes.assign(codes.begin(), codes.end());
  std::fclose(file);
  return layer.codes.size() == static_cast<size_t>(layer.passes) * layer.rows;
}

int main(int argc, char** argv) {
  Layer layer;
  if (argc != 2 || !read(argv[1], layer)) return 2;
  const auto from = std::chrono::steady_clock::now();
  std::vector<int64_t> pulses(layer.rowOf.size());
  int64_t cycles = 0, activations = 0;
  int64_t busy[kStages] = {}, blocked[kStages] = {};
  for (int32_t macro = 0; macro < layer.macros; macro++) {
    Macro run(layer, macro, pulses);
    run.run();
    activations += run.activations;
    for (int s = 0; s < kStages; s++) {
      cycles = std::max(cycles, run.stations[s].end);
      busy[s] += run.stations[s].busy;
      blocked[s] += run.stations[s].blocked;
    }
  }
  int64_t sum = 0;
  for (const int64_t p : pulses) sum += p;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  std::printf("%.9f %lld %lld %lld", seconds, static_cast<long long>(cycles), static_cast<long long>(activations),
              static_cast<long long>(sum));
  for (int s = 0; s < kStages; s++)
    std::printf(" %lld %lld", static_cast<long long>(busy[s]), static_cast<long long>(blocked[s]));
  std::printf("\n");
}
