// Load and the back end as one automaton, for `ou-bit`. Counterpart of sim/engines/fast/feed.ts.
#pragma once
#include "back.hpp"

/** What an OU is to the feed, and the states behind Load that it leads to. */
struct FeedSymbol {
  int32_t interval, handover, symbol;
};

/** An OU in the loop: its transition without planes, and where its flags begin. */
struct FeedOu {
  int32_t symbol;
  uint32_t flags;
};

class Feed {
 public:
  /** @param symbolOf per OU: first of its symbols in the automaton; @param stride between the flags of two lists */
  Feed(const Layer& l, Automaton& automaton, const Words& symbolOf, size_t stride) : automaton_(automaton) {
    const Timing& load = l.timing[kLoad];
    entries_ = load.capacity() - 1;
    std::map<std::vector<int32_t>, int32_t> known;
    for (size_t ou = 0; ou < symbolOf.size(); ou++) {
      const int32_t interval = l.loadInterval[ou];
      const int32_t handover = load.streaming ? load.latency : std::max(interval, load.latency);
      leastInterval_ = std::min(leastInterval_, interval);
      leastHandover_ = std::min(leastHandover_, handover);
      const auto [found, fresh] = known.emplace(Words{interval, handover, symbolOf[ou]}, static_cast<int32_t>(symbols.size()));
      if (fresh)
        for (int32_t planes = 0; planes <= l.planes; planes++) symbols.push_back({interval, handover, symbolOf[ou] + planes});
      ous.push_back({found->second, static_cast<uint32_t>(l.listOf[ou] * stride)});
    }
    start = intern(automaton.start, 0, std::vector<int64_t>(entries_, Back::never));
  }

  /** Row of the state after the input of Load came `late` cycles later than it could have been taken. */
  int32_t wait(int32_t row, int64_t late) {
    auto& known = waits_[row / width()];
    const auto found = known.find(late);
    if (found != known.end()) return found->second;
    const Vector v = vectors_[row / width()];
    std::vector<int64_t> starts;
    for (const int64_t at : v.starts) starts.push_back(at - late);
    const int32_t next = intern(v.state, v.free - late, starts);
    return waits_[row / width()][late] = next;
  }

  void fill(int32_t row, int32_t index) {
    const Vector v = vectors_[row / width()];
    const FeedSymbol& symbol = symbols[index];
    const int64_t arrived = std::max<int64_t>(v.free, symbol.handover);
    const int32_t state = symbol.handover > v.free ? automaton_.wait(v.state, symbol.handover - v.free) : v.state;
    const Step step = automaton_.at(state, symbol.symbol);
    const int64_t free = arrived + step.delta;
    std::vector<int64_t> starts = v.starts;
    starts.push_back(free - automaton_.stages()[0].interval);
    const int64_t next = std::max<int64_t>(symbol.interval, starts[0]);
    std::vector<int64_t> left;
    for (size_t i = 1; i < starts.size(); i++) left.push_back(starts[i] - next);
    const int32_t to = intern(automaton_.stateOf(step.next), free - next, left);
    steps[row + index].next = to;
    steps[row + index].delta = static_cast<int32_t>(next);
    met_.push_back({row + index, state, symbol.symbol});
  }

  /** When the first back stage becomes free after one more OU that starts at `begin`, and the state of the back end then. */
  std::pair<int64_t, int32_t> after(int32_t row, int64_t begin, int32_t index) {
    const Vector& v = vectors_[row / width()];
    const FeedSymbol& symbol = symbols[index];
    const int32_t state = symbol.handover > v.free ? automaton_.wait(v.state, symbol.handover - v.free) : v.state;
    const Step step = automaton_.at(state, symbol.symbol);
    return {begin + std::max<int64_t>(v.free, symbol.handover) + step.delta, automaton_.stateOf(step.next)};
  }

  /** Hands the visits over to the automaton of the back end. */
  void collect() {
    for (const Met& met : met_) {
      if (steps[met.at].visits == 0) continue;
      automaton_.visit(met.state, met.symbol, steps[met.at].visits);
      steps[met.at].visits = 0;
    }
  }

  std::vector<FeedSymbol> symbols;
  std::vector<FeedOu> ous;
  /** by row + symbol; `next` is a row */
  std::vector<Step> steps;
  int32_t start = 0;

 private:
  /** All relative to the next start of Load if its input is there. */
  struct Vector {
    int32_t state;
    int64_t free;
    std::vector<int64_t> starts;
  };
  struct Met {
    int32_t at, state, symbol;
  };

  int32_t width() const { return static_cast<int32_t>(symbols.size()); }

  int32_t intern(int32_t state, int64_t free, std::vector<int64_t> starts) {
    if (leastHandover_ > free) state = automaton_.wait(state, leastHandover_ - free);
    free = std::max<int64_t>(free, leastHandover_);
    for (size_t i = 0; i < starts.size(); i++) starts[i] = std::max<int64_t>(starts[i], (static_cast<int64_t>(i) + 1) * leastInterval_);
    std::vector<int64_t> key{state, free};
    key.insert(key.end(), starts.begin(), starts.end());
    const auto [found, fresh] = known_.emplace(key, static_cast<int32_t>(vectors_.size()) * width());
    if (!fresh) return found->second;
    vectors_.push_back({state, free, starts});
    waits_.emplace_back();
    steps.resize(vectors_.size() * width());
    return found->second;
  }

  Automaton& automaton_;
  int32_t entries_ = 0, leastInterval_ = INT32_MAX, leastHandover_ = INT32_MAX;
  std::vector<Vector> vectors_;
  std::map<std::vector<int64_t>, int32_t> known_;
  std::vector<std::unordered_map<int64_t, int32_t>> waits_;
  std::vector<Met> met_;
};
