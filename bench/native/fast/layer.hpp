// A layer as bench/fast-native.ts writes it: int32 words, a list being its length and its entries, and one byte string of codes.
#pragma once
#include <cstdint>
#include <cstdio>
#include <vector>

enum { kCache, kLoad, kSkip, kCim, kAdc, kBenes, kShiftAdd, kStages };

using Words = std::vector<int32_t>;

struct Timing {
  int32_t latency, depth, queue, streaming;
  int32_t capacity() const { return queue + depth; }
};

/** An OU as the stages behind Load see it. */
struct Shape {
  uint32_t slices;
  int32_t outputs;
};

/** Neighbouring vectors that read neighbouring entries, or all of them the padding (offset −1). */
struct Run {
  int32_t end, offset, step;
};

/** Where the entries of one matrix stand in the tensor: base of the row + offset of the vector at the row's tap, −1 = padding. */
struct Gather {
  int32_t rows = 0;
  std::vector<std::vector<Run>> taps;
  Words tapOf, baseOf;
  /** per row, over all OUs that hold it: slices, and cells by level */
  Words slices, cells;
};

struct Layer {
  int32_t windowBit, planes, bitsPerStep, skipZeroPlanes, hasSkip, hasBenes, parallelSlices, polarities, adcs, conversion, skipInterval,
      cimInterval, benesInterval, shiftAddInterval, macros, passes, levels, pad;
  Timing timing[kStages];
  Words groupFirst, groupEnd, windowStart, cacheInterval, loadInterval, listStart, listRows, listsOfMatrix, listOf, shapeOf;
  std::vector<Shape> shapes;
  std::vector<Gather> matrices;
  std::vector<uint8_t> codes;
};

class Reader {
 public:
  explicit Reader(const char* path) : file_(std::fopen(path, "rb")) {}
  ~Reader() {
    if (file_ != nullptr) std::fclose(file_);
  }
  bool ok() const { return file_ != nullptr && !failed_; }
  int32_t word() {
    int32_t value = 0;
    if (std::fread(&value, 4, 1, file_) != 1) failed_ = true;
    return value;
  }
  Words words() {
    Words values(word());
    if (!values.empty() && std::fread(values.data(), 4, values.size(), file_) != values.size()) failed_ = true;
    return values;
  }
  Layer layer() {
    Layer l;
    for (int32_t* field : {&l.windowBit, &l.planes, &l.bitsPerStep, &l.skipZeroPlanes, &l.hasSkip, &l.hasBenes, &l.parallelSlices,
                           &l.polarities, &l.adcs, &l.conversion, &l.skipInterval, &l.cimInterval, &l.benesInterval,
                           &l.shiftAddInterval, &l.macros, &l.passes, &l.levels, &l.pad})
      *field = word();
    for (auto& t : l.timing) t = {word(), word(), word(), word()};
    for (Words* list : {&l.groupFirst, &l.groupEnd, &l.windowStart, &l.cacheInterval, &l.loadInterval, &l.listStart, &l.listRows,
                        &l.listsOfMatrix, &l.listOf, &l.shapeOf})
      *list = words();
    const Words slices = words();
    const Words outputs = words();
    for (size_t i = 0; i < slices.size(); i++) l.shapes.push_back({static_cast<uint32_t>(slices[i]), outputs[i]});
    l.matrices.resize(word());
    for (auto& m : l.matrices) {
      m.rows = word();
      m.taps.resize(word());
      for (auto& tap : m.taps) tap = runs(words());
      for (Words* list : {&m.tapOf, &m.baseOf, &m.slices, &m.cells}) *list = words();
    }
    l.codes.resize(word());
    if (!l.codes.empty() && std::fread(l.codes.data(), 1, l.codes.size(), file_) != l.codes.size()) failed_ = true;
    return l;
  }

 private:
  static std::vector<Run> runs(const Words& offsets) {
    std::vector<Run> found;
    const int32_t count = static_cast<int32_t>(offsets.size());
    for (int32_t v = 0; v < count;) {
      const int32_t offset = offsets[v];
      int32_t end = v + 1, step = 0;
      if (offset >= 0 && end < count && offsets[end] >= 0) step = offsets[end] - offset;
      if (offset < 0)
        while (end < count && offsets[end] < 0) end++;
      else
        while (end < count && offsets[end] >= 0 && offsets[end] - offsets[end - 1] == step) end++;
      found.push_back({end, offset, step});
      v = end;
    }
    return found;
  }

  FILE* file_;
  bool failed_ = false;
};
