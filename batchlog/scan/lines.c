/*
 * Counts lines by what stands in them: what the expressions of `rows` and a dictionary do, in one
 * look at each byte, while other Python threads run. Lines of which it is not sure are left out.
 *
 * It is plain C without Python in it; library.py loads it and has the same structures, field by
 * field, and line_groups.py calls it. Nothing is written to but what is passed for it, and nothing
 * is kept. Every read lies between `begin` and `end`. What is asked is checked before anything is
 * read (is_sound): no number from outside is an index unless it was.
 */

#include <stdint.h>
#include <string.h>

typedef const unsigned char *place;

/* Changes with every change of what is passed: library.py takes no build of another one. */
int32_t lines_version(void) { return 2; }

/* Most digits that are read before a point, and behind it. */
#define DIGITS 16
#define DECIMALS 9
/* A sum above it is added to no more. */
#define HUGE_SUM (INT64_C(1) << 62)
/* Texts of a line, and words that a group has. */
#define TEXTS 8
/* Longer words are no method and no protocol. */
#define LONGEST 8
/* 2^64 by the golden ratio: Knuth, The Art of Computer Programming, 6.4. */
#define MIXER UINT64_C(0x9E3779B97F4A7C15)

/* What is done along a line, by the rules of scan/shape.py. */
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
    int32_t length; /* of the literal */
    place literal;
    int32_t text;   /* the number of the text, -1 where nobody wants it */
    int32_t behind;
    int32_t skipped;
};

/* What a text is read as; of some only a word tells groups apart. */
enum reading {
    STATUS,          /* three digits */
    HOST,            /* none of the bytes that end a host before a port */
    FIRST,           /* the word before the first blank */
    LAST,            /* the word behind the last blank, all of it where there is none */
    LAST_OF_REQUEST, /* the word behind the last blank; an empty one without a blank */
    SIZE,            /* digits; none and `-` are 0 */
    DURATION,        /* digits, and others behind a point; `-` is none */
    STAMP,           /* as long as all stamps, with a second below 60 */
};

struct column {
    int32_t reading;
    int32_t text;
    int32_t is_word; /* whether groups differ by it */
};

/* What is counted, the same for all chunks. */
struct plan {
    int64_t steps, columns, bounds; /* how many there are */
    int64_t words;   /* of a group, those of a stamp last: what is around its second */
    int64_t width;   /* of a row: lines, bytes, and with durations their sum and those in each
                        bucket, one more than there are bounds */
    int64_t unit;    /* what 1 stands for in a duration */
    int64_t largest; /* duration before a point that is read */
    int64_t most;    /* bytes of a line that are believed */
    int64_t length;  /* of a stamp */
    int64_t second;  /* where its second stands */
    int64_t by_second; /* whether stamps of one minute are told apart by their seconds */
    int64_t escapes; /* whether a backslash before `x` or `u` changes nothing */
    uint64_t seed;
    int64_t groups, others, slots; /* room for so many; slots are a power of two */
    const struct step *step;
    const struct column *column;
    const int64_t *bound; /* ascending; a bucket holds what is no more than its bound */
};

/* What was found. All places are counted from the beginning of the data. */
struct found {
    int64_t lines;
    int64_t groups;
    int64_t others;      /* lines of which this is not sure */
    int64_t end;         /* of the last line that was looked at */
    int64_t last;        /* the beginning of the last line that is sure, -1 if none is */
    int64_t last_stamp;  /* and its stamp */
    int64_t *rows;       /* of each group */
    int64_t *words;      /* of each group in turn the beginning and the length of each word */
    int64_t *lasts;      /* of each group where its last line begins, and its stamp */
    int64_t *other;      /* of each other line where it begins and ends, and the last stamp before */
    int32_t *slot;       /* groups by their hash, from 1; 0 where there is none */
};

struct text {
    place at, end;
};

/* What a line says. */
struct line {
    struct text words[TEXTS];
    int64_t size;
    int64_t duration; /* -1 if it has none */
    place stamp;
};

/* Whether each backslash from `escape` on is one of those that change nothing. */
static int are_harmless(const struct plan *plan, place escape, place newline) {
    for (; escape; escape = memchr(escape + 1, '\\', (size_t)(newline - escape - 1)))
        if (!plan->escapes || (escape[1] != 'x' && escape[1] != 'u'))
            return 0;
    return 1;
}

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
static place text_end(const struct step *step, place at, place end) {
    int64_t before = step->kind == CODE ? 3 : end - at - step->length;

    if (step->kind == SEARCH)
        return search(step, at, end);
    return before >= 0 && before <= end - at && stands(step, at + before, end) ? at + before : NULL;
}

/* Find the texts of the line that ends before `newline`; whether it has the shape. */
static int find(const struct plan *plan, place line, place newline, struct text *texts) {
    place at = line, end = line, next = line, stop;

    for (int64_t i = 0; i < plan->steps; i++) {
        const struct step *step = &plan->step[i];

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
        case CODE:
        case SEARCH:
        case REST:
            stop = text_end(step, at, end);
            if (!stop)
                return 0;
            if (step->text >= 0)
                texts[step->text] = (struct text){at, stop};
            at = stop + step->length;
        }
    }
    return 1;
}

static int is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

/* Read digits from a place on; the answer is where they end, after `most` of them at the latest. */
static place digits(place at, place end, int64_t most, int64_t *value) {
    if (end - at > most)
        end = at + most;
    for (*value = 0; at < end && is_digit(*at); at++)
        *value = *value * 10 + (*at - '0');
    return at;
}

/* Read a number: digits, others behind a point only with a unit above 1; -1 where it is none. */
static int64_t number(struct text text, int64_t unit, int64_t largest) {
    int64_t whole, value, part, scale = 1;
    place at = digits(text.at, text.end, DIGITS, &whole), point;

    if (at == text.at || whole > largest)
        return -1;
    value = whole * unit;
    if (at < text.end && *at == '.' && unit > 1 && whole < largest) {
        point = at + 1;
        at = digits(point, text.end, DECIMALS, &part);
        for (place digit = point; digit < at; digit++)
            scale *= 10;
        value += part * unit / scale;
    }
    return at == text.end ? value : -1;
}

static int is_dash(struct text text) { return text.end - text.at == 1 && *text.at == '-'; }

static int is_status(struct text text) {
    return text.end - text.at == 3 && is_digit(text.at[0]) && is_digit(text.at[1]) &&
           is_digit(text.at[2]);
}

/* Whether a host holds nothing that ends it where a port may follow: scan/measures.py. */
static int is_plain_host(struct text text) {
    if (text.at < text.end && *text.at == '[')
        return 0;
    for (place at = text.at; at < text.end; at++)
        if (*at == ']' || *at == '/' || *at == '?' || *at == ' ' || *at == '"' || *at == '\\')
            return 0;
    return 1;
}

/* The word before the first blank; an empty one where it is too long. */
static struct text first_word(struct text text) {
    place blank = memchr(text.at, ' ', (size_t)(text.end - text.at));
    place end = blank ? blank : text.end;

    return (struct text){text.at, end - text.at > LONGEST ? text.at : end};
}

/* The word behind the last blank; an empty one where it is too long. */
static struct text last_word(struct text text) {
    place at = text.end;

    while (at > text.at && at[-1] != ' ' && text.end - at <= LONGEST)
        at--;
    return (struct text){text.end - at > LONGEST ? text.end : at, text.end};
}

/* The same behind a blank that must be there; whether it is sure: rows look back a byte further
 * than the longest word, whatever stands there. */
static int read_last_of_request(struct text text, struct text *word) {
    *word = last_word(text);
    if (word->at == text.at)
        word->at = text.end;
    return word->at == word->end || text.end - text.at > LONGEST;
}

/* Note the words around the second of a stamp, or all of it; whether it is one. */
static int read_stamp(const struct plan *plan, struct text text, struct text *words) {
    place second;

    if (text.end - text.at != plan->length)
        return 0;
    second = text.at + plan->second;
    if (second[0] < '0' || second[0] > '5' || !is_digit(second[1]))
        return 0;
    words[0] = (struct text){text.at, plan->by_second ? second + 2 : second};
    words[1] = (struct text){second + 2, text.end};
    return 1;
}

/* Read what the texts of a line say; whether it is sure. */
static int read_texts(const struct plan *plan, const struct text *texts, struct line *line) {
    int64_t words = 0;

    line->size = 0;
    line->duration = -1;
    line->stamp = NULL;
    for (int64_t i = 0; i < plan->columns; i++) {
        const struct column *column = &plan->column[i];
        struct text text = texts[column->text];
        int sure = 1;

        switch (column->reading) {
        case STATUS:
            sure = is_status(text);
            break;
        case HOST:
            sure = is_plain_host(text);
            break;
        case FIRST:
            text = first_word(text);
            break;
        case LAST:
            text = last_word(text);
            break;
        case LAST_OF_REQUEST:
            sure = read_last_of_request(text, &text);
            break;
        case SIZE:
            line->size = number(text, 1, plan->most);
            if (line->size < 0 && (text.at == text.end || is_dash(text)))
                line->size = 0;
            sure = line->size >= 0;
            break;
        case DURATION:
            line->duration = number(text, plan->unit, plan->largest);
            sure = line->duration >= 0 || is_dash(text);
            break;
        case STAMP: /* the last column */
            line->stamp = text.at;
            sure = read_stamp(plan, text, &line->words[words]);
            break;
        }
        if (!sure)
            return 0;
        if (column->is_word)
            line->words[words++] = text;
    }
    return 1;
}

/* Eight bytes at a time. The seed makes it hard to choose what falls together; a line meets no more
 * than all groups. */
static uint64_t hash(const struct plan *plan, const struct text *words) {
    uint64_t mixed = plan->seed, part;

    for (int64_t i = 0; i < plan->words; i++) {
        place at = words[i].at;
        int64_t left = words[i].end - at;

        mixed ^= (uint64_t)left;
        for (; left > 0; left -= 8, at += 8) {
            part = 0;
            memcpy(&part, at, left < 8 ? (size_t)left : 8);
            mixed = (mixed ^ part) * MIXER;
            mixed ^= mixed >> 32;
        }
    }
    return mixed * MIXER >> 32; /* the last bytes are in the upper half */
}

static int are_words_of(const struct plan *plan, const struct found *found, place data,
                        int64_t group, const struct text *words) {
    const int64_t *known = &found->words[2 * plan->words * group];

    for (int64_t i = 0; i < plan->words; i++, known += 2)
        if (words[i].end - words[i].at != known[1] ||
            memcmp(words[i].at, data + known[0], (size_t)known[1]) != 0)
            return 0;
    return 1;
}

/* The group of some words, a new one where there is none yet; -1 where there is no more room. */
static int64_t group_of(const struct plan *plan, struct found *found, place data,
                        const struct text *words) {
    uint64_t mask = (uint64_t)plan->slots - 1, at = hash(plan, words) & mask;
    int64_t *known;

    for (; found->slot[at]; at = (at + 1) & mask)
        if (are_words_of(plan, found, data, found->slot[at] - 1, words))
            return found->slot[at] - 1;
    if (found->groups == plan->groups)
        return -1;
    known = &found->words[2 * plan->words * found->groups];
    for (int64_t i = 0; i < plan->words; i++) {
        known[2 * i] = words[i].at - data;
        known[2 * i + 1] = words[i].end - words[i].at;
    }
    memset(&found->rows[plan->width * found->groups], 0, (size_t)plan->width * sizeof(int64_t));
    found->slot[at] = (int32_t)++found->groups;
    return found->groups - 1;
}

/* Add a line to its row; whether more can be added. */
static int add(const struct plan *plan, const struct line *line, int64_t *row) {
    row[0] += 1;
    row[1] += line->size;
    if (line->duration >= 0) {
        int64_t low = 0, high = plan->bounds;

        while (low < high) {
            int64_t middle = (low + high) / 2;

            if (plan->bound[middle] < line->duration)
                low = middle + 1;
            else
                high = middle;
        }
        row[2] += line->duration;
        row[3 + low] += 1;
        if (row[2] > HUGE_SUM)
            return 0;
    }
    return row[1] <= HUGE_SUM;
}

/* No number of things is larger: their sizes in bytes stay far below 2^63. */
#define MANY (INT64_C(1) << 24)

static int is_between(int64_t least, int64_t value, int64_t most) {
    return least <= value && value <= most;
}

static int is_sound_step(const struct plan *plan, int64_t i) {
    const struct step *step = &plan->step[i];

    if (!is_between(SPAN_TO_QUOTE, step->kind, REST) || !is_between(-1, step->text, TEXTS - 1) ||
        !is_between(0, step->length, MANY) || !is_between(0, step->behind, MANY) ||
        !is_between(0, step->skipped, plan->steps - 1 - i))
        return 0;
    if (step->length ? !step->literal : step->kind == SEARCH)
        return 0; /* what is searched for has one byte at least */
    return 1;
}

/* Whether a column is one, and how many words of a group it makes; -1 where it is none. */
static int words_of(const struct plan *plan, int64_t i) {
    const struct column *column = &plan->column[i];

    if (!is_between(STATUS, column->reading, STAMP) || !is_between(0, column->text, TEXTS - 1))
        return -1;
    if (column->reading != STAMP)
        return column->is_word ? 1 : 0;
    /* It writes two words, behind all others. */
    return i == plan->columns - 1 && !column->is_word && is_between(2, plan->length, MANY) &&
                   is_between(0, plan->second, plan->length - 2)
               ? 2
               : -1;
}

/* Whether every number that is used as an index or as a size is one that fits. */
static int is_sound(const struct plan *plan, const struct found *found) {
    int64_t words = 0;

    if (!is_between(0, plan->steps, MANY) || !is_between(0, plan->columns, TEXTS) ||
        !is_between(0, plan->bounds, MANY) || !is_between(1, plan->groups, MANY) ||
        !is_between(0, plan->others, MANY) || !is_between(plan->groups + 1, plan->slots, 4 * MANY) ||
        (plan->slots & (plan->slots - 1)) != 0)
        return 0;
    if (!is_between(1, plan->unit, 1000000000) || !is_between(0, plan->most, HUGE_SUM) ||
        !is_between(0, plan->largest, HUGE_SUM / plan->unit - 1))
        return 0;
    if ((plan->steps && !plan->step) || (plan->columns && !plan->column) ||
        (plan->bounds && !plan->bound) || !found->rows || !found->words || !found->lasts ||
        (plan->others && !found->other) || !found->slot)
        return 0;
    for (int64_t i = 0; i < plan->steps; i++)
        if (!is_sound_step(plan, i))
            return 0;
    for (int64_t i = 0, width = 2; i < plan->columns; i++) {
        int more = words_of(plan, i);

        if (more < 0 || (words += more) > TEXTS)
            return 0;
        if (plan->column[i].reading == DURATION)
            width = 4 + plan->bounds;
        if (plan->width < width)
            return 0;
    }
    return words == plan->words && is_between(2, plan->width, 4 + plan->bounds);
}

/*
 * Count the whole lines from `begin` to `end`, or as many as there is room for. What was found
 * before is forgotten. A line with a backslash that may hide what is behind it is not sure.
 * Returns 1, or 0 where what is asked cannot be: then nothing was read or written.
 */
int32_t count_lines(const struct plan *plan, const char *data, int64_t begin, int64_t end,
                 struct found *found) {
    place from = (place)data, at, stop, newline, escape;
    struct text texts[TEXTS];
    struct line line;
    int64_t group;
    int more = 1;

    if (!data || !is_between(0, begin, end) || !is_sound(plan, found))
        return 0;
    at = from + begin;
    stop = from + end;
    for (int i = 0; i < TEXTS; i++) /* one that no step finds is empty */
        texts[i] = (struct text){at, at};
    found->lines = found->groups = found->others = 0;
    found->last = found->last_stamp = -1;
    memset(found->slot, 0, (size_t)plan->slots * sizeof(int32_t));
    for (; more && at < stop; at = newline + 1, found->lines++) {
        newline = memchr(at, '\n', (size_t)(stop - at));
        if (!newline)
            break;
        escape = memchr(at, '\\', (size_t)(newline - at));
        if (are_harmless(plan, escape, newline) && find(plan, at, newline, texts) &&
            read_texts(plan, texts, &line)) {
            group = group_of(plan, found, from, line.words);
            if (group < 0)
                break;
            more = add(plan, &line, &found->rows[plan->width * group]);
            found->last = at - from;
            found->last_stamp = line.stamp ? line.stamp - from : -1;
            found->lasts[2 * group] = found->last;
            found->lasts[2 * group + 1] = found->last_stamp;
            continue;
        }
        if (found->others == plan->others)
            break;
        found->other[3 * found->others] = at - from;
        found->other[3 * found->others + 1] = newline + 1 - from;
        found->other[3 * found->others + 2] = found->last_stamp;
        found->others++;
    }
    found->end = at - from;
    return 1;
}
