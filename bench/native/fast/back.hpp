// The stages behind Load: the recurrence of docs/timing.md, section 4, and the automaton that tabulates it. Counterpart of
// sim/engines/fast/back.ts, symbols.ts and automaton.ts.
#pragma once
#include <algorithm>
#include <map>
#include <unordered_map>
#include <string>

#include "layer.hpp"

struct Symbol {
  int32_t items = 0;
  Words intervals;
  std::vector<uint8_t> first, last;
  int64_t planesFired = 0, activations = 0, outputs = 0, outputSlices = 0, benesItemSlices = 0;
};

inline int32_t adcInterval(const Layer& l, const Shape& shape) {
  const int32_t slices = l.parallelSlices ? __builtin_popcount(shape.slices) : 1;
  return (shape.outputs * l.polarities * slices + l.adcs - 1) / l.adcs * l.conversion;
}

inline Symbol ouSymbol(const Layer& l, const Shape& shape, int32_t planes) {
  Symbol s;
  const int32_t fired = shape.slices == 0 ? 0 : planes;
  const int32_t slices = __builtin_popcount(shape.slices);
  const int32_t perPlane = l.parallelSlices ? 1 : slices;
  const int32_t perItem = l.hasSkip ? perPlane : perPlane * fired;
  s.items = l.hasSkip ? fired : std::min(1, fired);
  s.intervals.assign(perItem, adcInterval(l, shape));
  s.first.assign(perItem, 1);
  s.last.assign(perItem, 1);
  s.planesFired = fired;
  s.activations = fired * slices;
  s.outputs = fired * shape.outputs * perPlane;
  s.outputSlices = fired * shape.outputs * slices;
  s.benesItemSlices = fired * slices;
  return s;
}

/** The OUs that fire in each of `planes` planes of a window, all the same ones. */
inline Symbol windowSymbol(const Layer& l, const std::vector<Shape>& firing, int32_t planes) {
  Symbol s;
  for (int32_t plane = 0; plane < planes; plane++) {
    for (int32_t slice = 0; slice < (l.parallelSlices ? 1 : 32); slice++) {
      std::vector<Shape> members;
      uint32_t mask = 0;
      for (const Shape& shape : firing)
        if (l.parallelSlices || (shape.slices >> slice & 1)) members.push_back(shape), mask |= shape.slices;
      for (size_t i = 0; i < members.size(); i++) {
        const int32_t slices = l.parallelSlices ? __builtin_popcount(members[i].slices) : 1;
        s.intervals.push_back(adcInterval(l, members[i]));
        s.first.push_back(i == 0);
        s.last.push_back(i == members.size() - 1);
        s.activations += slices;
        s.outputs += members[i].outputs;
        s.outputSlices += members[i].outputs * slices;
      }
      if (!members.empty()) s.benesItemSlices += l.parallelSlices ? __builtin_popcount(mask) : 1;
    }
    s.planesFired += firing.size();
  }
  s.items = s.intervals.empty() ? 0 : 1;
  return s;
}

struct BackStage {
  int kind;
  int32_t interval, latency, streaming, capacity;
};

class Back {
 public:
  static constexpr int64_t never = -(int64_t{1} << 40);

  explicit Back(const Layer& l) {
    auto add = [&](int kind, int32_t interval) {
      const Timing& t = l.timing[kind];
      stages.push_back({kind, interval, t.latency, t.streaming, kind == kShiftAdd ? 0 : t.capacity()});
    };
    if (l.hasSkip) add(kSkip, l.skipInterval);
    cim_ = static_cast<int>(stages.size());
    add(kCim, l.cimInterval);
    add(kAdc, 0);
    if (l.hasBenes) add(kBenes, l.benesInterval);
    add(kShiftAdd, l.shiftAddInterval);
    free.assign(stages.size(), 0);
    blocked.assign(stages.size(), 0);
    heads.assign(stages.size(), 0);
    for (const auto& stage : stages) rings.emplace_back(stage.capacity, never);
  }

  /** The first stage works on one item that has arrived by free[0]. */
  void run(const Symbol& item) {
    if (item.items == 0) book(0, free[0], stages[0].interval);
    for (int32_t i = 0; i < item.items; i++) {
      if (cim_ == 0) {
        follow(free[0], item);
        continue;
      }
      const int64_t start = creditStart(0, free[0]);
      release(cim_, follow(book(0, start, stages[0].interval), item));
    }
  }

  std::vector<BackStage> stages;
  std::vector<int64_t> free, blocked;
  std::vector<std::vector<int64_t>> rings;
  std::vector<int32_t> heads;
  int64_t end = 0;

 private:
  int64_t creditStart(int b, int64_t arrival) {
    const int64_t ready = std::max(arrival, free[b]);
    const int64_t start = std::max(ready, rings[b][heads[b]]);
    blocked[b] += start - ready;
    return start;
  }
  int64_t book(int b, int64_t start, int32_t interval) {
    const int64_t span = std::max(stages[b].latency, interval);
    free[b] = start + interval;
    end = std::max(end, start + span);
    return start + (stages[b].streaming ? stages[b].latency : span);
  }
  void release(int b, int64_t start) {
    rings[b - 1][heads[b - 1]] = start;
    if (++heads[b - 1] == static_cast<int32_t>(rings[b - 1].size())) heads[b - 1] = 0;
  }
  int64_t follow(int64_t arrival, const Symbol& item) {
    const int adc = cim_ + 1;
    int64_t start = 0;
    for (size_t k = 0; k < item.intervals.size(); k++) {
      start = creditStart(cim_, arrival);
      const int64_t done = book(cim_, start, stages[cim_].interval);
      const int64_t converted = item.first[k] ? creditStart(adc, done) : std::max(done, free[adc]);
      int64_t at = book(adc, converted, item.intervals[k]);
      release(adc, converted);
      if (!item.last[k]) continue;
      for (int b = adc + 1; b < static_cast<int>(stages.size()); b++) {
        const int64_t next = b + 1 < static_cast<int>(stages.size()) ? creditStart(b, at) : std::max(at, free[b]);
        at = book(b, next, stages[b].interval);
        release(b, next);
      }
    }
    return start;
  }
  int cim_;
};

/** One transition; `next` is the row of the state behind it, −1 = not tabulated yet. */
struct Step {
  int32_t next = -1, delta = 0, visits = 0;
};

class Automaton {
 public:
  explicit Automaton(const Layer& l) : back_(l) {
    floors_.push_back(0);
    for (const auto& s : back_.stages)
      floors_.push_back(floors_.back() + (s.streaming ? s.latency : std::max({s.latency, s.interval, 1})));
    start = intern();
  }

  int32_t add(const Symbol& symbol) {
    symbols.push_back(symbol);
    if (static_cast<int32_t>(symbols.size()) > width) {
      std::vector<Step> wider(steps.size() * 2);
      for (size_t i = 0; i < steps.size(); i++) {
        if (steps[i].next >= 0) steps[i].next *= 2;
        wider[i / width * width * 2 + i % width] = steps[i];
      }
      steps.swap(wider);
      width *= 2;
    }
    return static_cast<int32_t>(symbols.size()) - 1;
  }

  int32_t fill(int32_t state, int32_t symbol) {
    restore(vectors_[state], 0);
    back_.run(symbols[symbol]);
    const int64_t delta = back_.free[0];
    const int32_t next = intern();
    Step& step = steps[static_cast<size_t>(state) * width + symbol];
    step.next = next * width;
    step.delta = static_cast<int32_t>(delta);
    auto& row = blockedOf_[state];
    if (static_cast<int32_t>(row.size()) <= symbol) row.resize(symbol + 1);
    row[symbol] = back_.blocked;
    return next;
  }

  /** State after nothing has arrived for `gap` cycles behind the moment at which the first stage became free. */
  int32_t wait(int32_t state, int64_t gap) {
    if (gap >= longest[state]) return start;
    auto& row = waits_[state];
    if (row.empty()) row.assign(longest[state], -1);
    if (row[gap] >= 0) return row[gap];
    restore(vectors_[state], 0);
    back_.free[0] = gap;
    const int32_t next = intern();
    return waits_[state][gap] = next;
  }

  int32_t stateOf(int32_t row) const { return row / width; }

  /** A transition, tabulated if it was not yet. */
  Step at(int32_t state, int32_t symbol) {
    if (steps[static_cast<size_t>(state) * width + symbol].next < 0) fill(state, symbol);
    return steps[static_cast<size_t>(state) * width + symbol];
  }

  void visit(int32_t state, int32_t symbol, int32_t times) { steps[static_cast<size_t>(state) * width + symbol].visits += times; }

  template <class Visit>
  void collect(Visit visit) {
    for (size_t at = 0; at < vectors_.size() * width; at++) {
      if (steps[at].visits == 0) continue;
      visit(symbols[at % width], steps[at].visits, blockedOf_[at / width][at % width]);
      steps[at].visits = 0;
    }
  }

  int64_t end(int32_t state) const { return vectors_[state][back_.stages.size()]; }
  const std::vector<BackStage>& stages() const { return back_.stages; }
  int32_t states() const { return static_cast<int32_t>(vectors_.size()); }

  int32_t start = 0, width = 16;
  std::vector<Step> steps;
  Words longest;
  std::vector<Symbol> symbols;

 private:
  int32_t intern() {
    const size_t count = back_.stages.size();
    const int64_t base = back_.free[0];
    std::vector<int32_t> vector;
    auto put = [&](int64_t value, int64_t floor) { vector.push_back(static_cast<int32_t>(std::max(value - base, floor))); };
    for (size_t b = 0; b < count; b++) put(back_.free[b], floors_[b]);
    put(back_.end, 0);
    int32_t slack = vector[count];
    for (size_t b = 0; b < count; b++) slack = std::max(slack, vector[b] - floors_[b]);
    for (size_t b = 0; b < count; b++)
      for (size_t i = 0; i < back_.rings[b].size(); i++) {
        put(back_.rings[b][(back_.heads[b] + i) % back_.rings[b].size()], vector[b]);
        slack = std::max(slack, vector.back() - floors_[b]);
      }
    const std::string key(reinterpret_cast<const char*>(vector.data()), vector.size() * 4);
    const auto [found, fresh] = known_.emplace(key, static_cast<int32_t>(vectors_.size()));
    if (!fresh) return found->second;
    vectors_.push_back(vector);
    blockedOf_.emplace_back();
    waits_.emplace_back();
    longest.push_back(slack);
    if (steps.size() < vectors_.size() * width) steps.resize(vectors_.size() * 2 * width);
    return found->second;
  }

  void restore(const std::vector<int32_t>& vector, int64_t base) {
    const size_t count = back_.stages.size();
    for (size_t b = 0; b < count; b++) back_.free[b] = base + vector[b];
    back_.end = base + vector[count];
    size_t at = count + 1;
    for (auto& ring : back_.rings)
      for (auto& entry : ring) entry = base + vector[at++];
    std::fill(back_.heads.begin(), back_.heads.end(), 0);
    std::fill(back_.blocked.begin(), back_.blocked.end(), 0);
  }

  Back back_;
  Words floors_;
  std::vector<std::vector<int32_t>> vectors_;
  std::unordered_map<std::string, int32_t> known_;
  std::vector<std::vector<std::vector<int64_t>>> blockedOf_;
  std::vector<Words> waits_;
};
