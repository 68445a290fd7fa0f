/*
 * What NumPy does for all lines of a chunk at once, done line by line: finding where the wanted
 * texts stand, and reading numbers. It is quicker because it looks at each byte once, and because
 * other Python threads run meanwhile.
 *
 * It is plain C without Python in it; compiled.py calls it, and fields.py does the same in its
 * absence. Nothing is written to but what is passed for it, and nothing is kept. Every read lies
 * between the beginning of a line and its newline.
 */

#include <stdint.h>
#include <string.h>

typedef const unsigned char *place;

/* Of a number that is read; the second ones stand behind a point. */
#define DIGITS 16
#define DECIMALS 9

/* Changes with every change of what is passed: compiled.py takes no library of another one. */
int32_t texts_version(void) { return 1; }

/* compiled.py has the same names in the same order. */
enum kind {
    SPAN_TO_QUOTE, /* the next span ends at the next quote */
    SPAN_TO_END,   /* it ends at the end of the line, without a carriage return; no quote is left */
    SPAN_OF_REST,  /* it ends at the newline, whatever it holds */
    LITERAL,       /* here stands the literal */
    NOTHING,       /* here the span ends */
    SKIP,          /* where the literal stands `behind` bytes before the end: go on behind it, and
                      leave out the next `skipped` steps */
    CODE,          /* a text of three bytes, and the literal behind it */
    SEARCH,        /* a text up to where the literal first stands */
    REST,          /* a text up to the literal that ends the span */
};

struct step {
    int32_t kind;
    int32_t length;  /* of the literal */
    place literal;
    int32_t wanted;  /* the number of its column, -1 where nobody wants it */
    int32_t behind;
    int32_t skipped;
};

/* A wanted text of each line: where it begins and ends, and what it says. */
struct column {
    int64_t unit;    /* of a number what 1 stands for, else 0; above 1, digits may stand behind a
                        point */
    int64_t largest; /* number before that point that is read */
    int64_t length;  /* of a stamp, else 0 */
    int64_t second;  /* where the two digits of the second stand in it */
    int64_t *begins;
    int64_t *ends;
    int64_t *values; /* the number, or the second of a stamp; -1 where none can be read */
    uint8_t *as_before; /* of a stamp, whether its minute is that of the row before */
};

/* Whether the literal stands at a place, and ends where `end` says or before. */
static int stands(const struct step *step, place at, place end) {
    if (end - at < step->length)
        return 0;
    for (int32_t i = 0; i < step->length; i++) /* most are one byte long: no call for those */
        if (at[i] != step->literal[i])
            return 0;
    return 1;
}

/* Where the literal first stands; NULL where it does not. It has one byte at least. */
static place search(const struct step *step, place at, place end) {
    while (end - at >= step->length) {
        at = memchr(at, step->literal[0], (size_t)(end - at - step->length + 1));
        if (!at || stands(step, at, end))
            return at;
        at++;
    }
    return NULL;
}

/* Where the text of a step ends that begins here; NULL where it does not fit. */
static place text(const struct step *step, place at, place end) {
    place stop;

    if (step->kind == SEARCH)
        return search(step, at, end);
    stop = step->kind == CODE ? at + 3 : end - step->length;
    return stop >= at && stands(step, stop, end) ? stop : NULL;
}

/* Read digits from a place on; the answer is where they end, after `most` of them at the latest. */
static place digits(place at, place end, int64_t most, int64_t *value) {
    if (end - at > most)
        end = at + most;
    for (*value = 0; at < end && *at >= '0' && *at <= '9'; at++)
        *value = *value * 10 + (*at - '0');
    return at;
}

/* Read a text as a number: digits, and others behind a point where a unit has parts. */
static int64_t number(const struct column *column, place at, place end) {
    int64_t whole, value, part, scale = 1;
    place first = at, point;

    at = digits(first, end, DIGITS, &whole);
    if (at == first || whole > column->largest)
        return -1;
    value = whole * column->unit;
    if (at < end && *at == '.' && column->unit > 1 && whole < column->largest) {
        point = at + 1;
        at = digits(point, end, DECIMALS, &part);
        for (place digit = point; digit < at; digit++)
            scale *= 10;
        value += part * column->unit / scale;
    }
    return at == end ? value : -1;
}

/* Read the second of a stamp, which may be a leap second. */
static int64_t second(const struct column *column, place at, place end) {
    int64_t value;
    place tens = at + column->second;

    if (end - at != column->length || digits(tens, end, 2, &value) != tens + 2)
        return -1;
    return value <= 60 ? value : -1;
}

/* Whether a stamp is that of the row before, but for its second. */
static int as_before(const struct column *column, int64_t row, place data, place at, place end) {
    int64_t behind = column->second + 2, length = column->length;
    place before;

    if (row == 0 || end - at != length || column->ends[row - 1] - column->begins[row - 1] != length)
        return 0;
    before = data + column->begins[row - 1];
    return memcmp(before, at, (size_t)column->second) == 0 &&
           memcmp(before + behind, at + behind, (size_t)(length - behind)) == 0;
}

static void note(const struct column *column, int64_t row, place data, place at, place end) {
    column->begins[row] = at - data;
    column->ends[row] = end - data;
    if (column->unit)
        column->values[row] = number(column, at, end);
    if (column->length) {
        column->values[row] = second(column, at, end);
        column->as_before[row] = (uint8_t)as_before(column, row, data, at, end);
    }
}

/*
 * Carry out the steps over the line that ends before `newline`. Where it fits, answer 1; where its
 * texts stand is noted at `row` of the columns.
 */
static int fits(place data, place line, place newline, const struct step *steps, int32_t count,
                const struct column *columns, int64_t row) {
    place at = line, end = line, next = line, stop;

    for (int32_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];

        switch (step->kind) {
        case SPAN_TO_QUOTE:
            at = next;
            end = memchr(at, '"', (size_t)(newline - at));
            if (!end)
                return 0;
            next = end + 1;
            break;
        case SPAN_TO_END:
            at = next;
            end = newline > at && newline[-1] == '\r' ? newline - 1 : newline;
            if (memchr(at, '"', (size_t)(end - at)))
                return 0;
            break;
        case SPAN_OF_REST:
            at = next;
            end = newline;
            break;
        case LITERAL:
            if (!stands(step, at, end))
                return 0;
            at += step->length;
            break;
        case NOTHING:
            if (at != end)
                return 0;
            break;
        case SKIP:
            if (end - at >= step->behind + step->length &&
                stands(step, end - step->behind - step->length, end)) {
                at = end - step->behind;
                i += step->skipped;
            }
            break;
        default:
            stop = text(step, at, end);
            if (!stop)
                return 0;
            if (step->wanted >= 0)
                note(&columns[step->wanted], row, data, at, stop);
            at = stop + step->length;
        }
    }
    return 1;
}

/*
 * Find the wanted texts of the whole lines from `begin` to `end`, and of no more than `most` of
 * them. All places are counted from `data`.
 *
 * `begins`, of `most` + 1: where each line begins, and where the last one ends. `lines` is how many
 * they are. `numbers`: those of them that fit, whose texts stand in the columns in the same order.
 * The answer is how many those are. A line that holds a backslash, or that does not lie
 * between `low` and `high`, never fits.
 */
int64_t find_texts(const char *data, int64_t begin, int64_t end, int64_t low, int64_t high,
                   const struct step *steps, int32_t count, int64_t most, int64_t *begins,
                   int64_t *lines, int64_t *numbers, const struct column *columns) {
    place from = (place)data, line = from + begin, stop = from + end, newline, escape = line;
    int64_t row = 0, kept = 0;

    for (; row < most && line < stop; row++, line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(stop - line));
        if (!newline)
            break;
        begins[row] = line - from;
        if (escape && escape <= line)
            escape = memchr(line, '\\', (size_t)(stop - line)); /* the next one, if there is one */
        if (escape && escape < newline) {
            escape = newline;
            continue;
        }
        if (line - from >= low && newline - from <= high &&
            fits(from, line, newline, steps, count, columns, kept))
            numbers[kept++] = row;
    }
    begins[row] = line - from;
    *lines = row;
    return kept;
}
