// The timing algorithm of sim/engines/fast in C++: rows gathered from the recorded tensor, zero flags as ORs of bytes, one transition of a lazily
// tabulated automaton per OU (Load and the back end) or plane of a window (the back end), digit sums for the energy counters.
// Arguments: file of layers written by bench/fast-native.ts, their number, repetitions. Prints per layer: least seconds, how many numbers
// follow, and the numbers: pulses, cell reads by level, planes fired, activations, outputs × slices, then per macro the
// span, and per stage firings, busy and blocked.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "fast/feed.hpp"

using Numbers = std::vector<int64_t>;

struct Flags {
  const uint8_t* bytes;
  size_t stride;
};

static void fillBlock(const Layer& l, const Gather& m, int32_t first, int32_t count, uint8_t* into, size_t stride) {
  for (int32_t row = 0; row < m.rows; row++) {
    const uint8_t* codes = l.codes.data() + m.baseOf[row];
    uint8_t* to = into + row * stride;
    int32_t begin = 0;
    for (const Run& run : m.taps[m.tapOf[row]]) {
      const int32_t from = std::max(begin, first), end = std::min(run.end, first + count);
      if (from < end) {
        const uint8_t* source = codes + run.offset + (from - begin) * run.step;
        if (run.offset < 0) std::memset(to + from - first, l.pad, end - from);
        else if (run.step == 1) std::memcpy(to + from - first, source, end - from);
        else
          for (int32_t v = from; v < end; v++, source += run.step) to[v - first] = *source;
      }
      begin = run.end;
    }
  }
}

static void orRows(const Layer& l, const uint8_t* block, size_t blockStride, int32_t list, int32_t count, uint8_t* into) {
  std::memset(into, 0, count);
  int32_t i = l.listStart[list];
  const int32_t end = l.listStart[list + 1];
  for (; i + 3 < end; i += 4) {
    const uint8_t* a = block + l.listRows[i] * blockStride;
    const uint8_t* b = block + l.listRows[i + 1] * blockStride;
    const uint8_t* c = block + l.listRows[i + 2] * blockStride;
    const uint8_t* d = block + l.listRows[i + 3] * blockStride;
    for (int32_t p = 0; p < count; p++) into[p] |= a[p] | b[p] | c[p] | d[p];
  }
  for (; i < end; i++) {
    const uint8_t* a = block + l.listRows[i] * blockStride;
    for (int32_t p = 0; p < count; p++) into[p] |= a[p];
  }
}

/** Bits of byte j that weigh 2^(j mod d), summed over the passes. */
static int64_t digitSum(const uint8_t* bytes, int32_t count, int32_t bitsPerStep) {
  int64_t sum = 0;
  if (bitsPerStep == 1) {
    int32_t p = 0;
    for (; p + 8 <= count; p += 8) {
      uint64_t word;
      std::memcpy(&word, bytes + p, 8);
      sum += __builtin_popcountll(word);
    }
    for (; p < count; p++) sum += __builtin_popcount(bytes[p]);
    return sum;
  }
  for (int32_t p = 0; p < count; p++)
    for (int32_t bit = 0; bit < 8; bit++) sum += (bytes[p] >> bit & 1) << bit % bitsPerStep;
  return sum;
}

/** Symbols of a layer: by OU and planes, or by class of windows and mask of the OUs that fire. */
class Alphabet {
 public:
  Alphabet(const Layer& l, Automaton& automaton) : l_(l), automaton_(automaton) {
    for (int byte = 0; byte < 256; byte++) {
      int mask = 0;
      for (int bit = 0; bit < 8; bit++)
        if (byte >> bit & 1) mask |= 1 << bit / l.bitsPerStep;
      flagsOf[byte] = static_cast<uint8_t>(l.skipZeroPlanes ? mask : (1 << l.planes) - 1);
      planesOf[byte] = static_cast<uint8_t>(__builtin_popcount(flagsOf[byte]));
      for (int b = 0; b < 8; b++) spread[byte] |= static_cast<uint64_t>(flagsOf[byte] >> b & 1) << 8 * b;
    }
    if (l.windowBit) {
      std::map<Words, int32_t> known;
      for (size_t w = 0; w + 1 < l.windowStart.size(); w++) {
        const Words own(l.shapeOf.begin() + l.windowStart[w], l.shapeOf.begin() + l.windowStart[w + 1]);
        const auto [found, fresh] = known.emplace(own, static_cast<int32_t>(members_.size()));
        classOf.push_back(found->second);
        if (!fresh) continue;
        members_.push_back(own);
        table.emplace_back(size_t{1} << own.size(), -1);
        uint32_t mask = 0;
        for (size_t k = 0; k < own.size(); k++) mask |= (l.shapes[own[k]].slices != 0) << k;
        live.push_back(mask);
      }
      return;
    }
    Words firstOf;
    for (const Shape& shape : l.shapes) {
      firstOf.push_back(automaton.add(ouSymbol(l, shape, 0)));
      for (int32_t planes = 1; planes <= l.planes; planes++) automaton.add(ouSymbol(l, shape, planes));
    }
    for (const int32_t shape : l.shapeOf) symbolOf.push_back(firstOf[shape]);
  }

  int32_t windowSymbolOf(int32_t windowClass, uint32_t mask) {
    const int32_t known = table[windowClass][mask];
    if (known >= 0) return known;
    std::vector<Shape> firing;
    for (size_t k = 0; k < members_[windowClass].size(); k++)
      if (mask >> k & 1) firing.push_back(l_.shapes[members_[windowClass][k]]);
    const Symbol symbol = windowSymbol(l_, firing, l_.hasSkip || mask == 0 ? 1 : l_.planes);
    const std::vector<int64_t> sums{symbol.planesFired, symbol.activations, symbol.outputs, symbol.outputSlices, symbol.benesItemSlices};
    const auto [found, fresh] = known_.emplace(std::make_tuple(symbol.intervals, symbol.first, sums), 0);
    if (fresh) found->second = automaton_.add(symbol);
    return table[windowClass][mask] = found->second;
  }

  Words symbolOf, classOf;
  std::vector<uint32_t> live;
  std::vector<Words> table;
  uint8_t planesOf[256] = {}, flagsOf[256] = {};
  uint64_t spread[256] = {};

 private:
  const Layer& l_;
  Automaton& automaton_;
  std::vector<Words> members_;
  std::map<std::tuple<Words, std::vector<uint8_t>, std::vector<int64_t>>, int32_t> known_;
};

/** What a macro carries from pass to pass. Copied to the stack while it runs, so that it can stay in registers. */
struct Front {
  int64_t base = 0, cacheFree = 0, loadFree = 0, cacheEnd = 0, loadEnd = 0, cacheBlocked = 0, loadBlocked = 0;
  int32_t row = 0, loadAt = 0, backAt = 0;
  /** `ou-bit`: next start of Load if its input is there, cycles that it waited for Cache, and its last firing with the row before it */
  int64_t start = 0, starved = 0, lastStart = 0;
  int32_t lastRow = 0;
};

struct Macro {
  static constexpr int64_t longAgo = -(int64_t{1} << 60);

  Macro(const Layer& layer, Automaton& a, Alphabet& s, Feed* f) : l(layer), automaton(a), alphabet(s), feed(f) {
    loadStarts.assign(l.timing[kCache].capacity(), longAgo);
    backStarts.assign(l.timing[kLoad].capacity(), longAgo);
    firings.assign(a.stages().size() + 2, 0);
    busy = blocked = firings;
    front.row = f == nullptr ? a.start : f->start;
  }

  void run(int32_t group, const Flags& flags) {
    const int32_t from = l.groupFirst[group], to = l.groupEnd[group];
    Front f = front;
    if (l.windowBit)
      for (int32_t pass = 0; pass < l.passes; pass++)
        for (int32_t w = from; w < to; w++) windowBit(f, w, pass, flags);
    else {
      for (int32_t pass = 0; pass < l.passes; pass++)
        for (int32_t w = from; w < to; w++) ouBit(f, w, flags.bytes + pass);
      const FeedOu& last = feed->ous[l.windowStart[to] - 1];
      lastSymbol = last.symbol + alphabet.planesOf[flags.bytes[last.flags + l.passes - 1]];
      feed->collect();
    }
    front = f;
    for (int32_t w = from; w < to; w++) {
      firings[0] += l.passes;
      busy[0] += int64_t{l.cacheInterval[w]} * l.passes;
      for (int32_t ou = l.windowStart[w]; ou < l.windowStart[w + 1]; ou++) {
        firings[1] += l.passes;
        busy[1] += int64_t{l.loadInterval[ou]} * l.passes;
      }
    }
    blocked[0] = f.cacheBlocked;
    // Nothing but firing, waiting for Cache and being blocked lies between two moments at which Load becomes free.
    blocked[1] = l.windowBit ? f.loadBlocked : f.loadFree - busy[1] - f.starved;
    automaton.collect([this](const Symbol& symbol, int64_t times, const std::vector<int64_t>& waits) { count(symbol, times, waits); });
  }

  int64_t span() const {
    const auto [base, state] = l.windowBit ? std::make_pair(front.base, automaton.stateOf(front.row)) : feed->after(front.lastRow, front.lastStart, lastSymbol);
    return std::max({int64_t{0}, base + automaton.end(state), front.cacheEnd, front.loadEnd});
  }

  const Layer& l;
  Automaton& automaton;
  Alphabet& alphabet;
  Feed* feed;
  int32_t lastSymbol = 0;
  Numbers firings, busy, blocked;
  int64_t planesFired = 0, activations = 0, outputSlices = 0;

 private:
  int64_t take(const Timing& t, int64_t interval, int64_t& end, int64_t start) const {
    const int64_t span = std::max<int64_t>(interval, t.latency);
    end = start + span;
    return start + (t.streaming ? t.latency : span);
  }

  int64_t cache(Front& f, int32_t w) const {
    int64_t start = loadStarts[f.loadAt];
    if (start > f.cacheFree) f.cacheBlocked += start - f.cacheFree;
    else start = f.cacheFree;
    f.cacheFree = start + l.cacheInterval[w];
    return take(l.timing[kCache], l.cacheInterval[w], f.cacheEnd, start);
  }

  int64_t load(Front& f, int64_t arrival) const {
    const int64_t ready = std::max(arrival, f.loadFree);
    const int64_t start = backStarts[f.backAt];
    if (start <= ready) return ready;
    f.loadBlocked += start - ready;
    return start;
  }

  void arrive(Front& f, int64_t at) {
    const int64_t gap = at - f.base;
    if (gap <= 0) return;
    f.base = at;
    f.row = automaton.width * automaton.wait(automaton.stateOf(f.row), gap);
  }

  void step(Front& f, int32_t symbol) {
    Step* step = &automaton.steps[f.row + symbol];
    if (__builtin_expect(step->next < 0, 0)) {
      automaton.fill(automaton.stateOf(f.row), symbol);
      step = &automaton.steps[f.row + symbol];
    }
    step->visits++;
    f.base += step->delta;
    f.row = step->next;
  }

  void taken(Front& f) {
    backStarts[f.backAt] = f.base - automaton.stages()[0].interval;
    if (++f.backAt == static_cast<int32_t>(backStarts.size())) f.backAt = 0;
  }

  void loaded(Front& f, int64_t start) {
    loadStarts[f.loadAt] = start;
    if (++f.loadAt == static_cast<int32_t>(loadStarts.size())) f.loadAt = 0;
  }

  void ouBit(Front& f, int32_t w, const uint8_t* flags) {
    const int64_t arrival = cache(f, w);
    f.starved += std::max<int64_t>(0, arrival - f.loadFree);
    if (arrival > f.start) {
      f.row = feed->wait(f.row, arrival - f.start);
      f.start = arrival;
    }
    const FeedOu* ou = feed->ous.data() + l.windowStart[w];
    const FeedOu* const end = feed->ous.data() + l.windowStart[w + 1];
    Step* steps = feed->steps.data();
    for (; ou < end; ou++) {
      const int32_t symbol = ou->symbol + alphabet.planesOf[flags[ou->flags]];
      Step* step = &steps[f.row + symbol];
      if (__builtin_expect(step->next < 0, 0)) {
        feed->fill(f.row, symbol);
        steps = feed->steps.data();
        step = &steps[f.row + symbol];
      }
      f.lastStart = f.start;
      f.lastRow = f.row;
      f.start += step->delta;
      f.row = step->next;
      step->visits++;
    }
    take(l.timing[kLoad], l.loadInterval[l.windowStart[w + 1] - 1], f.loadEnd, f.lastStart);
    f.loadFree = f.lastStart + l.loadInterval[l.windowStart[w + 1] - 1];
    loaded(f, f.lastStart);
  }

  void windowBit(Front& f, int32_t w, int32_t pass, const Flags& flags) {
    const int32_t first = l.windowStart[w], end = l.windowStart[w + 1];
    int64_t start = load(f, cache(f, w));
    for (int32_t ou = first; ou < end - 1; ou++) start += l.loadInterval[ou];
    f.loadFree = start + l.loadInterval[end - 1];
    arrive(f, take(l.timing[kLoad], l.loadInterval[end - 1], f.loadEnd, start));
    const int32_t windowClass = alphabet.classOf[w];
    // Mask of plane b: byte b of `low` (OUs 0 … 7), and of `high`.
    uint64_t low = 0, high = 0;
    const int32_t middle = std::min(end, first + 8);
    for (int32_t ou = first; ou < middle; ou++) low |= alphabet.spread[flags.bytes[l.listOf[ou] * flags.stride + pass]] << (ou - first);
    for (int32_t ou = middle; ou < end; ou++) high |= alphabet.spread[flags.bytes[l.listOf[ou] * flags.stride + pass]] << (ou - middle);
    const uint64_t planes = l.hasSkip ? 0x0101010101010101 : 1;
    low &= planes * (alphabet.live[windowClass] & 255);
    high &= planes * (alphabet.live[windowClass] >> 8);
    do {
      // The next plane in which an OU fires; without any, the mask is empty.
      const int shift = (low | high) == 0 ? 0 : __builtin_ctzll(low | high) & 56;
      low >>= shift;
      high >>= shift;
      step(f, alphabet.windowSymbolOf(windowClass, static_cast<uint32_t>((low & 255) | (high & 255) << 8)));
      low >>= 8;
      high >>= 8;
    } while ((low | high) != 0);
    taken(f);
    loaded(f, start);
  }

  void count(const Symbol& s, int64_t times, const std::vector<int64_t>& waits) {
    planesFired += times * s.planesFired;
    activations += times * s.activations;
    outputSlices += times * s.outputSlices;
    int64_t merged = 0, converting = 0;
    for (size_t k = 0; k < s.intervals.size(); k++) merged += s.last[k], converting += s.intervals[k];
    const int64_t separate = s.items * static_cast<int64_t>(s.intervals.size());
    for (size_t b = 0; b < waits.size(); b++) {
      const BackStage& stage = automaton.stages()[b];
      int64_t fires = stage.kind == kAdc || stage.kind == kCim ? separate : s.items * merged;
      if (b == 0) fires = s.items == 0 ? 1 : l.hasSkip ? s.items : fires;
      firings[b + 2] += times * fires;
      busy[b + 2] += times * (stage.kind == kAdc ? s.items * converting : fires * stage.interval);
      blocked[b + 2] += times * waits[b];
    }
  }

  Front front;
  std::vector<int64_t> loadStarts, backStarts;
};

/** Memory of a layer, laid out once. */
struct Workspace {
  std::vector<uint8_t> flags, block;
  std::unique_ptr<Feed> feed;
};

static Numbers simulate(const Layer& l, Automaton& automaton, Alphabet& alphabet, Workspace& space) {
  const size_t stride = ((l.passes + 63) / 64 | 1) * 64;
  auto& bytes = space.flags;
  bytes.resize((l.listStart.size() - 1) * stride);
  Numbers cells(l.levels);
  int64_t pulses = 0;
  for (size_t m = 0; m < l.matrices.size(); m++) {
    const Gather& matrix = l.matrices[m];
    const int32_t most = std::max(64, (1 << 19) / matrix.rows / 64 * 64);
    const int32_t width = std::min(most, (l.passes + 63) / 64 * 64);
    auto& block = space.block;
    block.resize(static_cast<size_t>(matrix.rows) * width);
    for (int32_t first = 0; first < l.passes; first += width) {
      const int32_t count = std::min(width, l.passes - first);
      fillBlock(l, matrix, first, count, block.data(), width);
      for (int32_t list = l.listsOfMatrix[m]; list < l.listsOfMatrix[m + 1]; list++)
        orRows(l, block.data(), width, list, count, bytes.data() + list * stride + first);
      for (int32_t row = 0; row < matrix.rows; row++) {
        const int64_t digits = digitSum(block.data() + static_cast<size_t>(row) * width, count, l.bitsPerStep);
        pulses += digits * matrix.slices[row];
        for (int32_t level = 0; level < l.levels; level++) cells[level] += digits * matrix.cells[row * l.levels + level];
      }
    }
  }
  const int32_t groups = static_cast<int32_t>(l.groupFirst.size());
  const int32_t used = std::min(l.macros, groups);
  if (!l.windowBit && space.feed == nullptr) space.feed = std::make_unique<Feed>(l, automaton, alphabet.symbolOf, stride);
  std::vector<Macro> macros(used, Macro(l, automaton, alphabet, space.feed.get()));
  for (int32_t g = 0; g < groups; g++) macros[g % used].run(g, {bytes.data(), stride});
  Numbers out{pulses};
  out.insert(out.end(), cells.begin(), cells.end());
  int64_t planes = 0, activations = 0, outputSlices = 0;
  for (const Macro& m : macros) {
    planes += m.planesFired;
    activations += m.activations;
    outputSlices += m.outputSlices;
  }
  out.insert(out.end(), {planes, activations, outputSlices});
  for (const Macro& m : macros) {
    out.push_back(m.span());
    for (size_t s = 0; s < m.firings.size(); s++) out.insert(out.end(), {m.firings[s], m.busy[s], m.blocked[s]});
  }
  return out;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  Reader reader(argv[1]);
  if (!reader.ok()) return 2;
  for (int i = 0; i < std::atoi(argv[2]); i++) {
    const Layer layer = reader.layer();
    if (!reader.ok()) return 2;
    double best = 1e30;
    Numbers numbers;
    Automaton automaton(layer);
    Alphabet alphabet(layer, automaton);
    Workspace space;
    for (int run = 0; run < std::atoi(argv[3]); run++) {
      const auto from = std::chrono::steady_clock::now();
      numbers = simulate(layer, automaton, alphabet, space);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count());
    }
    std::printf("%.9f %zu", best, numbers.size());
    for (const int64_t n : numbers) std::printf(" %lld", static_cast<long long>(n));
    std::printf("\n");
  }
}
